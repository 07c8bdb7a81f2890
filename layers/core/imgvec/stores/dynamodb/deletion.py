"""The deletion of a consumer in DynamoDB, item by item."""

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Final

from imgvec.accounts.ports import IdempotencyRecord
from imgvec.errors import TooFast
from imgvec.stores.dynamodb.accounts import CONSUMERS, KEYS, claims_of, record_in
from imgvec.stores.dynamodb.assets import files_of
from imgvec.stores.dynamodb.meter import key_of, label_attribute, usage_of
from imgvec.stores.dynamodb.notation import Value
from imgvec.stores.dynamodb.table import ALWAYS, Part

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

_THERE: Final = "attribute_exists(#pk)"
_ROUNDS: Final = 8
"""Most attempts to move a day: others may change it meanwhile."""


class DynamoDeletion(Part):
    """A `DeletionStore`."""

    def begin_deletion(self, consumer: str, kept_as: str) -> str:
        change = "SET #leaving = if_not_exists(#leaving, :kept_as)"
        key = (CONSUMERS, consumer)
        item = self._table.update(key, change, _THERE, {"kept_as": kept_as}).item
        return kept_as if item is None else str(item["leaving"])

    def delete_key(self, digest: str) -> None:
        self._table.delete(KEYS, digest, _THERE)

    def list_records(self, consumer: str) -> Iterator[IdempotencyRecord]:
        return map(record_in, self._table.each(claims_of(consumer)))

    def delete_records(self, consumer: str) -> int:
        return self._clear(claims_of(consumer))

    def keep_usage(self, consumer: str, kept_as: str) -> None:
        for item in self._table.each(key_of(consumer, date.min)[0]):
            self._move(consumer, kept_as, date.fromisoformat(str(item["sk"])))

    def delete_usage(self, consumer: str) -> None:
        self._clear(key_of(consumer, date.min)[0])

    def delete_sums(self, consumer: str) -> None:
        self._clear(files_of(consumer))

    def end_deletion(self, consumer: str, kept_as: str | None) -> None:
        if kept_as is not None:
            self._table.add(CONSUMERS, kept_as, {"name": kept_as})
        self._table.delete(CONSUMERS, consumer, _THERE)

    def _move(self, consumer: str, kept_as: str, day: date) -> None:
        """Add a day's counts to those that are kept and delete its item, in one transaction."""
        for _ in range(_ROUNDS):
            item = self._table.get(*key_of(consumer, day))
            if item is None:
                return
            counted = {label_attribute(row.label): row.images for row in usage_of(consumer, item)}
            known: dict[str, Value] = {"taken": item["taken"], "done": item["done"]}
            gone = self._table.removal(
                *key_of(consumer, day), "#taken = :taken AND #done = :done", known
            )
            if not self._table.transact(gone, *self._kept(kept_as, day, counted)):
                return
        raise TooFast

    def _kept(
        self, kept_as: str, day: date, counted: dict[str, int]
    ) -> "list[TransactWriteItemTypeDef]":
        """The addition of a day's counts; none for a day without."""
        if not counted:
            return []
        names = {f"label{number}": label for number, label in enumerate(counted)}
        values: dict[str, Value] = {"none": {}}
        values |= {f"units{number}": units for number, units in enumerate(counted.values())}
        added = ", ".join(f"#label{number} :units{number}" for number in range(len(counted)))
        change = f"SET #holds = if_not_exists(#holds, :none) ADD {added}"
        return [self._table.change(*key_of(kept_as, day), change, ALWAYS, values, **names)]

    def _clear(self, pk: str) -> int:
        deleted = 0
        for item in self._table.each(pk):
            deleted += self._table.delete(pk, str(item["sk"]), _THERE).done
        return deleted
