"""Reservations and counts in DynamoDB: two writes of one unit an image, below an item of 1 KB.

Writes of one item come one after the other, at most 1,000 units a second: 500 images a second and
consumer.

A consumer's day is one item:

    taken, done   units taken (counted and reserved), and counted
    month         units taken of the month, this day included
    before        of these, the ones of the days before, as last added up
    loose         how many of `before` were only held then, and may come back
    holds         {id: when it expires}
    closed        the day after is open, so nothing more is reserved here
    KEY/DIALECT/SPACE[/PLAN/PRICE]   counted units by label

A condition can compare `month` with the quota and not add up days, so `before` is carried over. It
holds because a day is closed before the next is opened: what was taken before can only shrink. A
clock that is behind finds its day closed and counts to the next one. (Clocks that differ by more
than a day are not provided for.)
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from imgvec.accounts.ports import Label, QuotaUsage, Reservation, UsageRow
from imgvec.accounts.prices import tariff_in
from imgvec.errors import TooFast
from imgvec.stores.dynamodb.notation import Item, Value
from imgvec.stores.dynamodb.table import ALWAYS, Outcome, Part, Table
from imgvec.types import ONE_DAY, Quota, month_start

_CLOSE: Final = (
    "SET #closed = :closed, #taken = if_not_exists(#taken, :zero),"
    " #month = if_not_exists(#month, :zero), #before = if_not_exists(#before, :zero),"
    " #loose = if_not_exists(#loose, :zero), #holds = if_not_exists(#holds, :none),"
    " #done = if_not_exists(#done, :zero)"
)


class Days:
    """Items of consumers' days."""

    def __init__(self, table: Table) -> None:
        """`table` exists."""
        self._table = table

    def read(self, consumer: str, day: date) -> Item | None:
        """The day's item; None where the day is not open."""
        return self._table.get(*key_of(consumer, day))

    def span(self, consumer: str, since: date, until: date) -> list[Item]:
        """Items of these days, both included."""
        pk, first = key_of(consumer, since)
        return self._table.query(pk, first, until.isoformat())

    def earlier(self, consumer: str, day: date) -> list[Item]:
        """Items of the month's days before this one."""
        return self.span(consumer, month_start(day), day - ONE_DAY) if day.day > 1 else []

    def open(self, consumer: str, day: date) -> None:
        """Make the day's item, unless it is there."""
        if day.day > 1:
            nothing: dict[str, Value] = {"closed": True, "zero": 0, "none": {}}
            # Always: the day before may have no item yet.
            self._table.update(key_of(consumer, day - ONE_DAY), _CLOSE, ALWAYS, nothing)
        before, loose = added_up(self.earlier(consumer, day))
        item: Item = {"taken": 0, "done": 0, "month": before, "before": before, "loose": loose}
        self._table.add(*key_of(consumer, day), {**item, "holds": {}})

    def carry_over(self, consumer: str, day: date, item: Item, earlier: Sequence[Item]) -> bool:
        """Lower `before` to what the days before add up to now; True if the item has changed."""
        before, loose = added_up(earlier)
        known = number(item, "before")
        if (before, loose) == (known, number(item, "loose")):
            return False
        self._table.update(
            key_of(consumer, day),
            "SET #month = #month - :less, #before = :before, #loose = :loose",
            "#before = :known",
            {"less": known - before, "before": before, "loose": loose, "known": known},
        )
        return True


def key_of(consumer: str, day: date) -> tuple[str, str]:
    """Partition and sort key of a day."""
    return f"days {consumer}", day.isoformat()


def number(item: Item, name: str) -> int:
    """A count."""
    value = item[name]
    return value if isinstance(value, int) else 0


def reservations_of(consumer: str, item: Item) -> list[Reservation]:
    """The day's reservations."""
    day, holds = date.fromisoformat(str(item["sk"])), item["holds"]
    if not isinstance(holds, dict):
        return []
    return [
        Reservation(consumer, name, day, expires)
        for name, expires in holds.items()
        if isinstance(expires, int | float)
    ]


def expired_of(consumer: str, items: Sequence[Item], now: float) -> list[Reservation]:
    """Expired reservations."""
    return [
        reservation
        for item in items
        for reservation in reservations_of(consumer, item)
        if reservation.expires <= now
    ]


def added_up(items: Sequence[Item]) -> tuple[int, int]:
    """Units taken on these days, and how many of them are only held."""
    taken = sum(number(item, "taken") for item in items)
    return taken, taken - sum(number(item, "done") for item in items)


def label_attribute(label: Label) -> str:
    """The attribute that counts a label."""
    tariff = "" if label.tariff is None else f"/{label.tariff.text}"
    return f"{label.key_id}/{label.dialect}/{label.space}{tariff}"


def usage_of(consumer: str, item: Item) -> list[UsageRow]:
    """The day's counted images by label."""
    day = date.fromisoformat(str(item["sk"]))
    rows = []
    for name, images in sorted(item.items()):
        if "/" in name and isinstance(images, int):
            key_id, dialect, space, *tariff = name.split("/", 3)
            label = Label(key_id, dialect, int(space), tariff_in("".join(tariff)))
            rows.append(UsageRow(consumer, day, label, images))
    return rows


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

    def reserve(
        self, reservation: Reservation, quota: Quota, now: float
    ) -> tuple[Reservation | None, QuotaUsage]:
        for _ in range(ROUNDS):
            written = self._take(reservation, quota)
            item = written.item
            if item is None:
                self._days.open(reservation.consumer, reservation.day)
            elif written.done or _is_reserved(item, reservation):
                return reservation, _usage_of(reservation.consumer, item, [item], now)
            elif "closed" in item:
                reservation = replace(reservation, day=reservation.day + ONE_DAY)
            else:
                # Only while units of earlier days may come back is there more to know.
                loose = number(item, "loose") > 0
                earlier = self._days.earlier(reservation.consumer, reservation.day) if loose else []
                if not loose or not self._days.carry_over(
                    reservation.consumer, reservation.day, item, earlier
                ):
                    return None, _usage_of(reservation.consumer, item, [item, *earlier], now)
        raise TooFast

    def settle(self, reservation: Reservation, label: Label) -> bool:
        written = self._table.update(
            key_of(reservation.consumer, reservation.day),
            _SETTLE,
            _IS_HELD,
            {"units": reservation.units},
            hold=reservation.id,
            label=label_attribute(label),
        )
        # Sent twice, the second request misses what the first has settled.
        return written.done or written.resent

    def release(self, reservation: Reservation) -> bool:
        return self._table.update(
            key_of(reservation.consumer, reservation.day),
            _RELEASE,
            _IS_HELD,
            {"units": reservation.units},
            hold=reservation.id,
        ).done

    def quota_usage(self, consumer: str, day: date, now: float) -> QuotaUsage:
        item = self._days.read(consumer, day)
        if item is None:
            month, _ = added_up(self._days.earlier(consumer, day))
            return QuotaUsage(0, month)
        # As in `reserve`: units that were held at midnight may have come back.
        earlier = self._days.earlier(consumer, day) if number(item, "loose") > 0 else []
        if earlier and self._days.carry_over(consumer, day, item, earlier):
            return self.quota_usage(consumer, day, now)
        return _usage_of(consumer, item, [item, *earlier], now)

    def expired_reservations(
        self, consumer: str, since: date, until: date, now: float
    ) -> Sequence[Reservation]:
        return expired_of(consumer, self._days.span(consumer, since, until), now)

    def usage(self, consumer: str, since: date, until: date) -> Sequence[UsageRow]:
        items = self._days.span(consumer, since, until)
        return [row for item in items for row in usage_of(consumer, item)]

    def _take(self, reservation: Reservation, quota: Quota) -> Outcome:
        condition = _MAY_TAKE
        values: dict[str, Value] = {"units": reservation.units, "expires": reservation.expires}
        if quota.daily is not None:
            condition += " AND #taken <= :day_room"
            values["day_room"] = quota.daily - reservation.units
        if quota.monthly is not None:
            condition += " AND #month <= :month_room"
            values["month_room"] = quota.monthly - reservation.units
        key = key_of(reservation.consumer, reservation.day)
        return self._table.update(key, _TAKE, condition, values, hold=reservation.id)


def _is_reserved(item: Item, reservation: Reservation) -> bool:
    """Whether it was granted before."""
    return reservation.id in {one.id for one in reservations_of(reservation.consumer, item)}


def _usage_of(consumer: str, item: Item, seen: Sequence[Item], now: float) -> QuotaUsage:
    expired = expired_of(consumer, seen, now)
    return QuotaUsage(number(item, "taken"), number(item, "month"), tuple(expired))
