"""What consumers have used, added up for a person or a bill."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from imgvec.stores.protocols import UsageRow

Grouping = Literal["day", "dialect", "space"]


@dataclass(frozen=True, slots=True)
class UsageLine:
    """Answered images of a consumer, in one group where they are grouped."""

    consumer: str
    group: str | None
    images: int


def add_up(rows: Iterable[UsageRow], by: Grouping | None) -> list[UsageLine]:
    """One line for each consumer and group, in their order."""
    counted: Counter[tuple[str, str | int | None]] = Counter()
    for row in rows:
        counted[row.consumer, _group(row, by)] += row.images
    ordered = sorted(counted.items(), key=lambda item: (item[0][0], item[0][1] or 0))
    return [
        UsageLine(consumer, None if group is None else str(group), images)
        for (consumer, group), images in ordered
    ]


def by_key(rows: Iterable[UsageRow]) -> Counter[str]:
    """Answered images by key id."""
    counted: Counter[str] = Counter()
    for row in rows:
        counted[row.label.key_id] += row.images
    return counted


def _group(row: UsageRow, by: Grouping | None) -> str | int | None:
    match by:
        case "day":
            return row.day.isoformat()
        case "dialect":
            return row.label.dialect
        case "space":
            return row.label.space
        case None:
            return None
