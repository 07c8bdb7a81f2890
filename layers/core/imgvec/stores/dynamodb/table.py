"""One DynamoDB table: its requests, their values in DynamoDB's notation, and its errors."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from imgvec.errors import StoreError, TooFast

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        AttributeValueTypeDef,
        TransactWriteItemTypeDef,
        UpdateItemOutputTypeDef,
    )

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


THROTTLED: Final = frozenset(
    {
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
"""Codes of a request, or of a part of a transaction, that may succeed a moment later."""
_CONFLICT: Final = "TransactionConflict"
_EXPECTED: Final = frozenset({"ConditionalCheckFailed", _CONFLICT})
_ATTEMPTS: Final = 10
"""Of a transaction that others are in the way of, with a second of waiting in all."""
ALWAYS: Final = "attribute_exists(#pk) OR attribute_not_exists(#pk)"
"""A condition that holds for every item, also an absent one."""
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
        return list(self.each(pk, first, last))

    def each(self, pk: str, first: str = " ", last: str = "~") -> Iterator[Item]:
        """The same, page by page."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues=write_item({":pk": pk, ":first": first, ":last": last}),
        )
        with _reported():
            for page in pages:
                yield from map(read_item, page["Items"])

    def scan(self, condition: str, values: Mapping[str, Value]) -> list[Item]:
        """Items of the whole table that a condition holds for: slow, and billed for all of them."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._name,
            ConsistentRead=True,
            FilterExpression=condition,
            ExpressionAttributeValues=_values(values),
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

    def addition(self, pk: str, sk: str, item: Mapping[str, Value]) -> "TransactWriteItemTypeDef":
        """A part of a transaction: store an item where there is none."""
        whole = {**_key(pk, sk), **write_item(item)}
        condition = "attribute_not_exists(pk)"
        return {"Put": {"TableName": self._name, "Item": whole, "ConditionExpression": condition}}

    def removal(
        self, pk: str, sk: str, condition: str, values: Mapping[str, Value]
    ) -> "TransactWriteItemTypeDef":
        """A part of a transaction: remove an item if a condition holds."""
        return {
            "Delete": {
                "TableName": self._name,
                "Key": _key(pk, sk),
                "ConditionExpression": condition,
                "ExpressionAttributeNames": _names(condition, {}),
                "ExpressionAttributeValues": _values(values),
            }
        }

    def change(
        self,
        pk: str,
        sk: str,
        change: str,
        condition: str,
        values: Mapping[str, Value],
        **names: str,
    ) -> "TransactWriteItemTypeDef":
        """A part of a transaction: change an item, made if absent, if a condition holds."""
        return {
            "Update": {
                "TableName": self._name,
                "Key": _key(pk, sk),
                "UpdateExpression": change,
                "ConditionExpression": condition,
                "ExpressionAttributeNames": _names(f"{condition} {change}", names),
                "ExpressionAttributeValues": _values(values),
            }
        }

    def transact(self, *changes: "TransactWriteItemTypeDef") -> list[bool]:
        """Make all changes or none; for each whether its condition failed, empty if all are made.

        A request that the client sends again has a token by which DynamoDB knows it.
        """
        for attempt in range(_ATTEMPTS):
            try:
                with _reported():
                    self._client.transact_write_items(TransactItems=changes)
            except _CanceledError as canceled:
                if _CONFLICT not in canceled.codes:
                    return [code == "ConditionalCheckFailed" for code in canceled.codes]
                time.sleep(0.02 * (attempt + 1))
            else:
                return []
        raise TooFast

    def _write(
        self,
        operation: "Callable[..., UpdateItemOutputTypeDef]",
        condition: str,
        values: Mapping[str, Value],
        names: Mapping[str, str] | None = None,
        **arguments: object,
    ) -> Outcome:
        used = f"{condition} {arguments.get('UpdateExpression')}"
        if values:
            arguments["ExpressionAttributeValues"] = _values(values)
        try:
            with _reported():
                answer = operation(
                    TableName=self._name,
                    ConditionExpression=condition,
                    ExpressionAttributeNames=_names(used, names or {}),
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


class _CanceledError(Exception):
    def __init__(self, codes: list[str]) -> None:
        super().__init__()
        self.codes = codes


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
        codes = [str(reason.get("Code")) for reason in answer.get("CancellationReasons", ())]
        if code in THROTTLED or not THROTTLED.isdisjoint(codes):
            raise TooFast from None
        if code == "TransactionCanceledException" and not _EXPECTED.isdisjoint(codes):
            raise _CanceledError(codes) from None
        raise StoreError(f"DynamoDB rejects a request: {code}.") from problem
    except BotoCoreError as problem:
        raise StoreError(f"DynamoDB gives no answer: {type(problem).__name__}.") from problem


def _values(values: Mapping[str, Value]) -> dict[str, Written]:
    return write_item({f":{name}": value for name, value in values.items()})


def _names(expressions: str, names: Mapping[str, str]) -> dict[str, str]:
    return {f"#{name}": names.get(name, name) for name in _PLACEHOLDER.findall(expressions)}


def _key(pk: str, sk: str) -> dict[str, Written]:
    return write_item({"pk": pk, "sk": sk})


def _item(written: Mapping[str, Written] | None) -> Item | None:
    return None if written is None else read_item(written)


class Part:
    """One protocol's methods over the shared table."""

    def __init__(self, table: Table) -> None:
        """`table` exists."""
        self._table = table
