"""The meter: units that are taken before the work and counted after it.

A hold is a taken unit whose work is not done. Whatever is taken is counted (`settle`), given back
(`release`), or was held by a process that died: then its hold is past its time, is reported to
whoever reads next, and is given back by that reader.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from imgvec.consumers.plan import Quota


@dataclass(frozen=True, slots=True)
class Hold:
    """Units that one request has taken of a day, until it is answered."""

    consumer: str
    hold_id: str
    """`NAME[/ATTEMPT][*UNITS]`, short: DynamoDB bills by the kilobyte."""
    day: date
    expires: float
    """When the units are free again, if nobody settles or releases them; whole seconds."""

    @property
    def units(self) -> int:
        """How many images."""
        return int(self.hold_id.partition("*")[2] or 1)

    @property
    def claim(self) -> str | None:
        """Name of the claim that the hold belongs to; None where no `Idempotency-Key` was sent."""
        name, attempted, _ = self.hold_id.partition("/")
        return name if attempted else None


@dataclass(frozen=True, slots=True)
class Label:
    """What an image is counted under."""

    key_id: str
    dialect: str
    space: int
    """Dimensions of the vector."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A consumer's day and month as they stood at a moment: counted and held units together."""

    day: int
    month: int
    expired: tuple[Hold, ...] = ()
    """Holds past their time, still taking their units, for the caller to settle or release."""


@dataclass(frozen=True, slots=True)
class UsageRow:
    """Answered images of a consumer, a day and a label."""

    consumer: str
    day: date
    label: Label
    images: int


class MeterStore(Protocol):
    """Holds and counts. Each call is atomic, in all threads, processes and machines."""

    def reserve(self, hold: Hold, quota: Quota, now: float) -> tuple[Hold | None, Standing]:
        """Take the hold's units if the quota has them; None in place of the hold if it has not.

        The hold comes back as it was taken: a store may move it to the day after, where another
        machine's clock has already closed the day. Taking the same hold again takes it once.
        """

    def settle(self, hold: Hold, label: Label) -> bool:
        """Turn the hold into counted images; False if it is gone."""

    def release(self, hold: Hold) -> bool:
        """Give the hold's units back; False if it is gone."""

    def standing(self, consumer: str, day: date, now: float) -> Standing:
        """What is taken of a day and of its month."""

    def expired_holds(self, consumer: str, since: date, until: date, now: float) -> Sequence[Hold]:
        """Holds of these days, both included, that are past their time."""

    def usage(self, consumer: str, since: date, until: date) -> Sequence[UsageRow]:
        """Answered images of these days, both included, by day."""
