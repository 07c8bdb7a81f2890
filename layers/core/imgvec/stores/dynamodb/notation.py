"""Values in DynamoDB's notation, written and read."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

# Python values, and the same as DynamoDB writes them: `{"S": "text"}`, `{"N": "1"}`, ...
Value: TypeAlias = str | int | float | bool | list["Value"] | dict[str, "Value"]
Item: TypeAlias = dict[str, Value]
Written: TypeAlias = "AttributeValueTypeDef"


def write(value: Value) -> Written:
    """A value in DynamoDB's notation."""
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int() | float():
            return {"N": repr(value)}
        case list():
            return {"L": [write(one) for one in value]}
        case dict():
            return {"M": write_item(value)}


def write_item(item: Mapping[str, Value]) -> dict[str, Written]:
    """An item, or a part of one."""
    return {name: write(value) for name, value in item.items()}


def read(written: Written) -> Value:
    """The value that was written."""
    match dict(written):
        case {"N": str(number)}:
            return float(number) if "." in number or "e" in number.lower() else int(number)
        case {"L": list(values)}:
            return [read(value) for value in values]
        case {"M": Mapping() as values}:
            return read_item(values)
        case {"S": str(text)}:
            return text
        case {"BOOL": bool(truth)}:
            return truth
        case _:
            raise ValueError(f"an attribute of a kind that is never written: {list(written)}")


def read_item(written: Mapping[str, Written]) -> Item:
    """The item that was written."""
    return {name: read(value) for name, value in written.items()}
