"""One DynamoDB table: its requests, their values in DynamoDB's notation, and its errors."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from imgvec.errors import StoreError, TooFast

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, UpdateItemOutputTypeDef

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


def make_client() -> "DynamoDBClient":
    """A client for the region and credentials of the environment.

    A request without an answer after 2 s is sent again, twice at most: together that stays well
    within the function's time, and ids make a repeated write harmless.
    """
    # Slow to import, and not needed on a laptop.
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=1,
        read_timeout=2,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=16,
    )
    return boto3.client("dynamodb", config=config)


THROTTLED: Final = frozenset(
    {"ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"}
)
_PLACEHOLDER: Final = re.compile(r"#(\w+)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a conditional write."""

    done: bool
    item: Item | None
    """The item as it is if it was written, as it was if the condition did not hold."""
    resent: bool = False
    """Whether the request was sent more than once: an earlier one may have written."""


class Table:
    """Items by `pk` and `sk`. In expressions, `#name` stands for the attribute `name`."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        """`name` is the table's."""
        self._client = client
        self._name = name

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, pk: str, sk: str, *, consistent: bool = True) -> Item | None:
        """An item; half the price if it may be a moment old."""
        with _reported():
            answer = self._client.get_item(
                TableName=self._name, Key=_key(pk, sk), ConsistentRead=consistent
            )
        return _item(answer.get("Item"))

    def query(self, pk: str, first: str = " ", last: str = "~") -> list[Item]:
        """Items of a partition from `first` to `last`, in the order of `sk`."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues=write_item({":pk": pk, ":first": first, ":last": last}),
        )
        with _reported():
            return [read_item(item) for page in pages for item in page["Items"]]

    def put(self, pk: str, sk: str, item: Mapping[str, Value]) -> None:
        """Store an item, in the place of one that is there."""
        with _reported():
            self._client.put_item(TableName=self._name, Item={**_key(pk, sk), **write_item(item)})

    def add(self, pk: str, sk: str, item: Mapping[str, Value]) -> Outcome:
        """Store an item where there is none."""
        whole = {**_key(pk, sk), **write_item(item)}
        return self._write(self._client.put_item, "attribute_not_exists(#pk)", {}, Item=whole)

    def update(
        self,
        key: tuple[str, str],
        change: str,
        condition: str,
        values: Mapping[str, Value],
        **names: str,
    ) -> Outcome:
        """Change the item `(pk, sk)` if a condition holds; `names` are attributes not so named."""
        return self._write(
            self._client.update_item,
            condition,
            values,
            names,
            Key=_key(*key),
            UpdateExpression=change,
            ReturnValues="ALL_NEW",
        )

    def delete(
        self, pk: str, sk: str, condition: str, values: Mapping[str, Value] | None = None
    ) -> Outcome:
        """Remove an item if a condition holds."""
        return self._write(self._client.delete_item, condition, values or {}, Key=_key(pk, sk))

    def _write(
        self,
        operation: "Callable[..., UpdateItemOutputTypeDef]",
        condition: str,
        values: Mapping[str, Value],
        names: Mapping[str, str] | None = None,
        **arguments: object,
    ) -> Outcome:
        used = _PLACEHOLDER.findall(f"{condition} {arguments.get('UpdateExpression')}")
        if values:
            written = write_item({f":{name}": value for name, value in values.items()})
            arguments["ExpressionAttributeValues"] = written
        try:
            with _reported():
                answer = operation(
                    TableName=self._name,
                    ConditionExpression=condition,
                    ExpressionAttributeNames={f"#{n}": (names or {}).get(n, n) for n in used},
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **arguments,
                )
        except _ConditionFailedError as failed:
            return Outcome(False, _item(failed.item), failed.resent)
        return Outcome(True, _item(answer.get("Attributes")))


class _ConditionFailedError(Exception):
    def __init__(self, item: Mapping[str, Written] | None, resent: bool) -> None:
        super().__init__()
        self.item = item
        self.resent = resent


@contextmanager
def _reported() -> Iterator[None]:
    # Loaded with the client by now.
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as problem:
        answer: Mapping[str, Any] = problem.response
        code = answer["Error"]["Code"]
        if code == "ConditionalCheckFailedException":
            resent = answer["ResponseMetadata"].get("RetryAttempts", 0) > 0
            raise _ConditionFailedError(answer.get("Item"), resent) from None
        if code in THROTTLED:
            raise TooFast from None
        raise StoreError(f"DynamoDB refuses a request: {code}.") from problem
    except BotoCoreError as problem:
        raise StoreError(f"DynamoDB gives no answer: {type(problem).__name__}.") from problem


def _key(pk: str, sk: str) -> dict[str, Written]:
    return write_item({"pk": pk, "sk": sk})


def _item(written: Mapping[str, Written] | None) -> Item | None:
    return None if written is None else read_item(written)


class Part:
    """One protocol's methods over the shared table."""

    def __init__(self, table: Table) -> None:
        """`table` exists."""
        self._table = table
