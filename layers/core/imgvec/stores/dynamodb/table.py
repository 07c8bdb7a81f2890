"""One DynamoDB table and its requests."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from imgvec.errors import TooFast
from imgvec.stores.dynamodb.faults import CONFLICT, CanceledError, ConditionFailedError, reported
from imgvec.stores.dynamodb.notation import Item, Value, Written, read_item, write_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        TransactWriteItemTypeDef,
        UpdateItemOutputTypeDef,
    )

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
        with reported():
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
        with reported():
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
        with reported():
            return [read_item(item) for page in pages for item in page["Items"]]

    def put(self, pk: str, sk: str, item: Mapping[str, Value]) -> None:
        """Store an item, in the place of one that is there."""
        with reported():
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
                with reported():
                    self._client.transact_write_items(TransactItems=changes)
            except CanceledError as canceled:
                if CONFLICT not in canceled.codes:
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
            with reported():
                answer = operation(
                    TableName=self._name,
                    ConditionExpression=condition,
                    ExpressionAttributeNames=_names(used, names or {}),
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **arguments,
                )
        except ConditionFailedError as failed:
            return Outcome(False, _item(failed.item), failed.resent)
        return Outcome(True, _item(answer.get("Attributes")))


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
