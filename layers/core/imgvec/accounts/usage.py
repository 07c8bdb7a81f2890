"""Usage: one event for each request, and sums for reports and bills."""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Literal

import orjson

from imgvec.accounts.ports import UsageRow
from imgvec.errors import RequestError
from imgvec.request_log import UsageEvent

Grouping = Literal["day", "dialect", "space"]


@dataclass(frozen=True, slots=True)
class UsageLine:
    """Answered images of a consumer, of one group if they are grouped."""

    consumer: str
    group: str | None
    images: int


def add_up(rows: Iterable[UsageRow], by: Grouping | None) -> list[UsageLine]:
    """One line for each consumer and group, sorted."""
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


log = logging.getLogger("imgvec.usage")


@contextmanager
def reported(event: UsageEvent) -> Iterator[UsageEvent]:
    """Log the event when the block ends, also when it raises."""
    started = time.perf_counter()
    try:
        yield event
    except RequestError as error:
        event.outcome = type(error).__name__
        raise
    finally:
        event.milliseconds = round((time.perf_counter() - started) * 1000, 1)
        log.info("%s", orjson.dumps(asdict(event)).decode())
