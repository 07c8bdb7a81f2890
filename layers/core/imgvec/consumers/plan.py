"""A plan: how fast, how much and in which spaces a consumer may embed."""

import math
from dataclasses import dataclass
from typing import Final


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
