"""A consumer's statement of a month: images and amounts by plan and price."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from imgvec.accounts.ports import UsageRow
from imgvec.accounts.prices import Tariff


@dataclass(frozen=True, slots=True)
class StatementLine:
    """Images of one plan at one price."""

    tariff: Tariff | None
    """None for images of a plan without a price."""
    first: date
    last: date
    images: int

    @property
    def amount(self) -> int | None:
        """The exact amount, in billionths; None without a price."""
        return None if self.tariff is None else self.images * self.tariff.price


@dataclass(frozen=True, slots=True)
class Statement:
    """All counted images of a consumer's month."""

    consumer: str
    month: date
    """Its first day."""
    lines: Sequence[StatementLine]

    @property
    def images(self) -> int:
        """All of them, also those without a price."""
        return sum(line.images for line in self.lines)

    @property
    def amount(self) -> int | None:
        """The exact sum of the lines, in billionths; None if no line has a price."""
        return amount_of((line.tariff, line.images) for line in self.lines)


def statement_of(consumer: str, month: date, rows: Iterable[UsageRow]) -> Statement:
    """The statement of the month's usage, one line for each plan and price, by first day."""
    by_tariff: dict[Tariff | None, list[UsageRow]] = {}
    for row in rows:
        by_tariff.setdefault(row.label.tariff, []).append(row)
    lines = [
        StatementLine(
            tariff,
            min(row.day for row in those),
            max(row.day for row in those),
            sum(row.images for row in those),
        )
        for tariff, those in by_tariff.items()
    ]
    lines.sort(key=lambda line: (line.first, line.last, line.tariff.text if line.tariff else ""))
    return Statement(consumer, month, lines)


def amount_of(counted: Iterable[tuple[Tariff | None, int]]) -> int | None:
    """The exact amount of images by their tariffs; None if none has a price."""
    amounts = [tariff.price * images for tariff, images in counted if tariff is not None]
    return sum(amounts) if amounts else None
