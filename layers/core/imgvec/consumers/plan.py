"""A plan: how fast, how much and in which spaces a consumer may embed."""

import math
from dataclasses import dataclass, replace
from typing import Final, NamedTuple


class Bounds(NamedTuple):
    """Least and greatest value of a limit."""

    least: float
    greatest: float

    def within(self, value: float) -> float:
        """The value, or the bound that is nearest; the least in the place of NaN."""
        if self.least <= value <= self.greatest:
            return value
        return self.greatest if value > self.greatest else self.least

    def whole(self, value: int | None) -> int | None:
        """The same of an integer; None is no limit."""
        return None if value is None else int(self.within(value))


RATES: Final = Bounds(1e-4, 1e6)
"""Requests a second: one in three hours, and more than any machine answers."""
BURSTS: Final = Bounds(1, 1e6)
QUOTAS: Final = Bounds(1, 1e15)
SPACES: Final = Bounds(1, 65_536)
"""Dimensions."""


@dataclass(frozen=True, slots=True)
class Quota:
    """Most images of a day and of a month (UTC); None is unlimited."""

    daily: int | None = None
    monthly: int | None = None


UNLIMITED: Final = Quota()


@dataclass(frozen=True, slots=True)
class Plan:
    """Limits of the consumers that it is assigned to; what is None is unlimited."""

    name: str
    rate: float | None = None
    """Requests a second, held over time."""
    burst: int | None = None
    """Requests at once, before the rate holds; without it, those of one second."""
    quota: Quota = UNLIMITED
    spaces: frozenset[int] | None = None
    """Dimensions of the spaces that may be asked for."""
    soft: bool = False
    """Whether the quota is only told of and never refuses."""

    def allows(self, dimensions: int) -> bool:
        """Whether the plan has this space."""
        return self.spaces is None or dimensions in self.spaces

    @property
    def held(self) -> Quota:
        """The quota that refuses: none where the limit is soft."""
        return UNLIMITED if self.soft else self.quota

    @property
    def depth(self) -> int:
        """Requests that the bucket holds: `burst`, or one second's worth."""
        return self.burst or max(1, math.ceil(self.rate or 0))


def bounded(plan: Plan) -> Plan:
    """The plan with every number within its bounds, whoever wrote it into the store.

    A number that is out of bounds would make an error of each request, or lift the limit.
    """
    spaces = plan.spaces
    return replace(
        plan,
        rate=None if plan.rate is None else RATES.within(plan.rate),
        burst=BURSTS.whole(plan.burst),
        quota=Quota(QUOTAS.whole(plan.quota.daily), QUOTAS.whole(plan.quota.monthly)),
        spaces=None if spaces is None else frozenset(int(SPACES.within(one)) for one in spaces),
    )
