"""One DynamoDB table: the requests that the store makes of it, and what may go wrong."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from imgvec.errors import StoreError, TooFast
from imgvec.stores.dynamodb.client import Answer, Client
from imgvec.stores.dynamodb.items import Item, Value, Written, read_item, write_item

THROTTLED: Final = frozenset(
    {"ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"}
)
_PLACEHOLDER: Final = re.compile(r"#(\w+)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a conditional write."""

    done: bool
    item: Item | None
    """The item as it is if it was written, as it was if the condition did not hold."""
    resent: bool = False
    """Whether the request was sent more than once: an earlier one may have written."""


class Table:
    """Items by `pk` and `sk`. In expressions, `#name` stands for the attribute `name`."""

    def __init__(self, client: Client, name: str) -> None:
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
        request = {
            "TableName": self._name,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
            "ExpressionAttributeValues": write_item({":pk": pk, ":first": first, ":last": last}),
        }
        items: list[Item] = []
        while True:
            with _reported():
                page = self._client.query(**request)
            items += [read_item(item) for item in page.get("Items", ())]
            if "LastEvaluatedKey" not in page:
                return items
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

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
        operation: Callable[..., Answer],
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
        code = problem.response["Error"]["Code"]
        if code == "ConditionalCheckFailedException":
            resent = problem.response["ResponseMetadata"].get("RetryAttempts", 0) > 0
            raise _ConditionFailedError(problem.response.get("Item"), resent) from None
        if code in THROTTLED:
            raise TooFast from None
        raise StoreError(f"DynamoDB refuses a request: {code}.") from problem
    except BotoCoreError as problem:
        raise StoreError(f"DynamoDB gives no answer: {type(problem).__name__}.") from problem


def _key(pk: str, sk: str) -> dict[str, Written]:
    return write_item({"pk": pk, "sk": sk})


def _item(written: Mapping[str, Written] | None) -> Item | None:
    return None if written is None else read_item(written)
