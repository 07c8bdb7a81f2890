"""A consumer's day as one DynamoDB item, and how a day is opened.

    taken, done   units taken (counted and held), and counted
    month         units taken of the month, this day included
    before        of these, the ones of the days before, as last added up
    loose         how many of `before` were only held then, and may come back
    holds         {id: when it expires}
    closed        the day after is open, so nothing more is reserved here
    KEY/DIALECT/SPACE   counted units by label

A condition can compare `month` with the quota and not add up days, so `before` is carried over. It
holds because a day is closed before the next is opened: what was taken before can only shrink. A
clock that is behind finds its day closed and counts to the next one. (Clocks that differ by more
than a day are not provided for.)
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

from imgvec.accounts.ports import Hold, Label, UsageRow
from imgvec.periods import ONE_DAY, month_start
from imgvec.stores.dynamodb.items import Item, Value
from imgvec.stores.dynamodb.table import Table

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
            # True of every item: the day before may have none yet.
            always = "attribute_exists(#pk) OR attribute_not_exists(#pk)"
            self._table.update(key_of(consumer, day - ONE_DAY), _CLOSE, always, nothing)
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


def holds_of(consumer: str, item: Item) -> list[Hold]:
    """The day's holds."""
    day, holds = date.fromisoformat(str(item["sk"])), item["holds"]
    if not isinstance(holds, dict):
        return []
    return [
        Hold(consumer, name, day, expires)
        for name, expires in holds.items()
        if isinstance(expires, int | float)
    ]


def expired_of(consumer: str, items: Sequence[Item], now: float) -> list[Hold]:
    """Holds past their time."""
    return [hold for item in items for hold in holds_of(consumer, item) if hold.expires <= now]


def added_up(items: Sequence[Item]) -> tuple[int, int]:
    """Units taken on these days, and how many of them are only held."""
    taken = sum(number(item, "taken") for item in items)
    return taken, taken - sum(number(item, "done") for item in items)


def label_attribute(label: Label) -> str:
    """The attribute that counts a label."""
    return f"{label.key_id}/{label.dialect}/{label.space}"


def usage_of(consumer: str, item: Item) -> list[UsageRow]:
    """The day's counted images by label."""
    day = date.fromisoformat(str(item["sk"]))
    rows = []
    for name, images in sorted(item.items()):
        if name.count("/") == 2 and isinstance(images, int):
            key_id, dialect, space = name.split("/")
            rows.append(UsageRow(consumer, day, Label(key_id, dialect, int(space)), images))
    return rows
