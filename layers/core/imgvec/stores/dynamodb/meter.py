"""Holds and counts in DynamoDB: two writes of one unit an image, while the item is below 1 KB.

Writes of one item come one after the other, at most 1,000 units a second: 500 images a second and
consumer.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from imgvec.accounts.ports import Hold, Label, Standing, UsageRow
from imgvec.errors import TooFast
from imgvec.periods import ONE_DAY
from imgvec.stores.dynamodb.days import (
    Days,
    added_up,
    expired_of,
    holds_of,
    key_of,
    label_attribute,
    number,
    usage_of,
)
from imgvec.stores.dynamodb.items import Item, Value
from imgvec.stores.dynamodb.part import Part
from imgvec.stores.dynamodb.table import Outcome, Table
from imgvec.types import Quota

_TAKE: Final = "SET #holds.#hold = :expires, #taken = #taken + :units, #month = #month + :units"
_MAY_TAKE: Final = (
    "attribute_exists(#taken) AND attribute_not_exists(#closed)"
    " AND attribute_not_exists(#holds.#hold)"
)
_SETTLE: Final = "REMOVE #holds.#hold SET #done = #done + :units ADD #label :units"
_RELEASE: Final = "REMOVE #holds.#hold SET #taken = #taken - :units, #month = #month - :units"
_IS_HELD: Final = "attribute_exists(#holds.#hold)"

ROUNDS: Final = 8
"""Most attempts to reserve: a new day takes two, and others may be in the way."""


class DynamoMeter(Part):
    """A `MeterStore`."""

    def __init__(self, table: Table) -> None:
        """`table` exists."""
        super().__init__(table)
        self._days = Days(table)

    def reserve(self, hold: Hold, quota: Quota, now: float) -> tuple[Hold | None, Standing]:
        """Take the hold's units if the quota has them; None in place of the hold if it has not."""
        for _ in range(ROUNDS):
            written = self._take(hold, quota)
            item = written.item
            if item is None:
                self._days.open(hold.consumer, hold.day)
            elif written.done or _holds(item, hold):
                return hold, _standing(hold.consumer, item, [item], now)
            elif "closed" in item:
                hold = replace(hold, day=hold.day + ONE_DAY)
            else:
                # Only while units of earlier days may come back is there more to know.
                loose = number(item, "loose") > 0
                earlier = self._days.earlier(hold.consumer, hold.day) if loose else []
                if not loose or not self._days.carry_over(hold.consumer, hold.day, item, earlier):
                    return None, _standing(hold.consumer, item, [item, *earlier], now)
        raise TooFast

    def settle(self, hold: Hold, label: Label) -> bool:
        """Turn the hold into counted images; False if it is gone."""
        written = self._table.update(
            key_of(hold.consumer, hold.day),
            _SETTLE,
            _IS_HELD,
            {"units": hold.units},
            hold=hold.hold_id,
            label=label_attribute(label),
        )
        # Sent twice, the second request misses what the first has settled.
        return written.done or written.resent

    def release(self, hold: Hold) -> bool:
        """Give the hold's units back; False if it is gone."""
        return self._table.update(
            key_of(hold.consumer, hold.day),
            _RELEASE,
            _IS_HELD,
            {"units": hold.units},
            hold=hold.hold_id,
        ).done

    def standing(self, consumer: str, day: date, now: float) -> Standing:
        """What is taken of a day and of its month."""
        item = self._days.read(consumer, day)
        if item is None:
            month, _ = added_up(self._days.earlier(consumer, day))
            return Standing(0, month)
        return _standing(consumer, item, [item], now)

    def expired_holds(self, consumer: str, since: date, until: date, now: float) -> Sequence[Hold]:
        """Holds of these days, both included, that are past their time."""
        return expired_of(consumer, self._days.span(consumer, since, until), now)

    def usage(self, consumer: str, since: date, until: date) -> Sequence[UsageRow]:
        """Answered images of these days, both included, by day."""
        items = self._days.span(consumer, since, until)
        return [row for item in items for row in usage_of(consumer, item)]

    def _take(self, hold: Hold, quota: Quota) -> Outcome:
        condition = _MAY_TAKE
        values: dict[str, Value] = {"units": hold.units, "expires": hold.expires}
        if quota.daily is not None:
            condition += " AND #taken <= :day_room"
            values["day_room"] = quota.daily - hold.units
        if quota.monthly is not None:
            condition += " AND #month <= :month_room"
            values["month_room"] = quota.monthly - hold.units
        key = key_of(hold.consumer, hold.day)
        return self._table.update(key, _TAKE, condition, values, hold=hold.hold_id)


def _holds(item: Item, hold: Hold) -> bool:
    """Whether the hold was granted before."""
    return hold.hold_id in {one.hold_id for one in holds_of(hold.consumer, item)}


def _standing(consumer: str, item: Item, seen: Sequence[Item], now: float) -> Standing:
    expired = expired_of(consumer, seen, now)
    return Standing(number(item, "taken"), number(item, "month"), tuple(expired))
