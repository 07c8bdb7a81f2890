"""Types at the bottom of the library: pixels, vectors, who asks, plans, rate limits."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels: TypeAlias = NDArray[np.uint8]
    """One upright sRGB image at the encoder's input size, `uint8 [height, width, 3]`."""

    Vector: TypeAlias = NDArray[np.float32]
    """One embedding, `float32 [dimensions]`, L2 norm 1 within 1e-5."""
else:
    # Functions that compute nothing are installed without numpy.
    Pixels = Vector = object


@dataclass(frozen=True, slots=True)
class Geometry:
    """How a picture of any shape becomes an encoder's square input."""

    crop: Literal["centre", "none"] = "centre"
    """`centre`: resize the short side and crop the middle; `none`: squash both sides."""
    resize: Literal["bicubic", "bilinear"] = "bicubic"
    """The filter, as Pillow's of that name."""


CLIP_GEOMETRY: Final = Geometry()
"""That of OpenAI's CLIP, and of the starter."""


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


@dataclass(frozen=True, slots=True)
class Allowance:
    """One limit as it stands: requests of a bucket, or images of a period."""

    limit: int
    remaining: int
    reset: int
    """Seconds until the whole limit is there again."""


def tightest(allowances: Iterable[Allowance | None]) -> Allowance | None:
    """The limit that would stop a consumer first; None where nothing is limited."""
    given = [allowance for allowance in allowances if allowance is not None]
    return min(given, key=lambda allowance: allowance.remaining, default=None)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: the consumer that owns assets and quota, and the key that was sent."""

    consumer: str
    key_id: str
    plan: Plan | None = None


@dataclass(frozen=True, slots=True)
class RequestContext:
    """One request as it is counted: once for its id, or for the client's `Idempotency-Key`."""

    request_id: str
    dialect: str
    fingerprint: str
    """Path and SHA-256 of the fields, the API key left out; empty without an `idempotency_key`."""
    idempotency_key: str | None = None
    """As the client sent it, not validated yet."""
