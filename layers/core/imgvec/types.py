"""Basic types: pixels, vectors, principals, plans, quotas and their periods in UTC, rate limits.

Imports no other module.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels: TypeAlias = NDArray[np.uint8]
    """One upright sRGB image at the encoder's input size, `uint8 [height, width, 3]`."""

    Vector: TypeAlias = NDArray[np.float32]
    """One embedding, `float32 [dimensions]`, L2 norm 1 within 1e-5."""

    Vectors: TypeAlias = NDArray[np.float32]
    """Embeddings, `float32 [n, dimensions]`, each row as a `Vector`."""
else:
    # Functions without an encoder are installed without NumPy.
    Pixels = Vector = Vectors = object


class FormText(str):
    """Text of a query or a URL-encoded form, where a `+` that is not escaped means a space."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Geometry:
    """How an image of any shape becomes an encoder's square input."""

    crop: Literal["centre", "none"] = "centre"
    """`centre`: resize the short side and crop the middle; `none`: squash both sides."""
    resize: Literal["bicubic", "bilinear", "lanczos"] = "bicubic"
    """The resampling filter, as in Pillow."""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """Facts in the header of an image file."""

    format: str
    """In lower case: `jpeg`, `png`, `webp`, `gif`, `bmp`, `tiff`, `avif`, `heic`."""
    width: int
    height: int


CLIP_GEOMETRY: Final = Geometry()
"""Geometry of OpenAI's CLIP and of the starter."""


class Bounds(NamedTuple):
    """Least and greatest value of a limit."""

    least: float
    greatest: float

    def within(self, value: float) -> float:
        """The value clamped to the bounds; NaN becomes the least."""
        if self.least <= value <= self.greatest:
            return value
        return self.greatest if value > self.greatest else self.least

    def whole(self, value: int | None) -> int | None:
        """As `within` for an integer; None (no limit) stays None."""
        return None if value is None else int(self.within(value))


RATES: Final = Bounds(1e-4, 1e6)
"""Requests a second: from one in three hours to more than a machine can serve."""
BURSTS: Final = Bounds(1, 1e6)
QUOTAS: Final = Bounds(1, 1e15)
SPACES: Final = Bounds(1, 65_536)
"""Dimensions."""
BYTES: Final = Bounds(1, 1e15)
"""Of an image, and of all the files that a consumer keeps."""
PRICES: Final = Bounds(0, 1e12)
"""Of one image, in billionths: up to 1000 of the operator's currency."""


@dataclass(frozen=True, slots=True)
class Quota:
    """Most images in a day and in a month (UTC); None is unlimited."""

    daily: int | None = None
    monthly: int | None = None

    def allows(self, day: int, month: int) -> bool:
        """Whether so many images of a day and of its month are within both limits."""
        return (self.daily is None or day <= self.daily) and (
            self.monthly is None or month <= self.monthly
        )


UNLIMITED: Final = Quota()

ONE_DAY: Final = timedelta(days=1)


def day_of(now: float) -> date:
    """The UTC day of a time in seconds since the epoch."""
    return datetime.fromtimestamp(now, UTC).date()


def month_start(day: date) -> date:
    """The first day of the month."""
    return day.replace(day=1)


def month_last(day: date) -> date:
    """The last day of the month."""
    # Four days after the 28th is always in the next month.
    return month_start(day.replace(day=28) + 4 * ONE_DAY) - ONE_DAY


def end_of(day: date) -> float:
    """The end of a day, in seconds since the epoch."""
    return datetime.combine(day + ONE_DAY, time(), UTC).timestamp()


@dataclass(frozen=True, slots=True)
class Plan:
    """Limits for the consumers of this plan; None is unlimited."""

    name: str
    rate: float | None = None
    """Sustained requests a second."""
    burst: int | None = None
    """Requests at once, before the rate applies; None is the rate of one second."""
    quota: Quota = UNLIMITED
    spaces: frozenset[int] | None = None
    """The allowed dimensions."""
    soft: bool = False
    """Whether the quota is only reported, and no request is rejected."""
    storage: int | None = None
    """Bytes of all the files that a consumer keeps; held also where the plan is `soft`."""
    max_bytes: int | None = None
    """Bytes of one image or file, below `IMGVEC_MAX_IMAGE`."""
    price: int | None = None
    """Price of one image, in billionths of the operator's currency; None is no price."""

    def allows(self, dimensions: int) -> bool:
        """Whether the plan allows these dimensions."""
        return self.spaces is None or dimensions in self.spaces

    @property
    def held(self) -> Quota:
        """The enforced quota: unlimited if the plan is soft."""
        return UNLIMITED if self.soft else self.quota

    @property
    def depth(self) -> int:
        """Size of the token bucket: `burst`, or the requests of one second."""
        return self.burst or max(1, math.ceil(self.rate or 0))


def bounded(plan: Plan) -> Plan:
    """The plan with every number clamped to its bounds.

    A stored number out of bounds would fail each request, or remove the limit.
    """
    spaces = plan.spaces
    return replace(
        plan,
        rate=None if plan.rate is None else RATES.within(plan.rate),
        burst=BURSTS.whole(plan.burst),
        quota=Quota(QUOTAS.whole(plan.quota.daily), QUOTAS.whole(plan.quota.monthly)),
        spaces=None if spaces is None else frozenset(int(SPACES.within(one)) for one in spaces),
        storage=BYTES.whole(plan.storage),
        max_bytes=BYTES.whole(plan.max_bytes),
        price=PRICES.whole(plan.price),
    )


def within(plan: Plan | None, max_bytes: int) -> int:
    """The most bytes of one image: `max_bytes`, or what the plan has below it."""
    own = None if plan is None else plan.max_bytes
    return max_bytes if own is None else min(own, max_bytes)


@dataclass(frozen=True, slots=True)
class Allowance:
    """The state of one limit: requests of a bucket, or images of a period."""

    limit: int
    remaining: int
    reset: int
    """Seconds until the whole limit is available again."""


def tightest(allowances: Iterable[Allowance | None]) -> Allowance | None:
    """The limit with the least remaining; None without limits."""
    given = [allowance for allowance in allowances if allowance is not None]
    return min(given, key=lambda allowance: allowance.remaining, default=None)


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated request's consumer, which owns assets and quota, and its key."""

    consumer: str
    key_id: str
    plan: Plan | None = None


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Identity of a request for metering: its id, or the client's `Idempotency-Key`."""

    request_id: str
    dialect: str
    fingerprint: str
    """All of a request that decides its answer; empty without an `idempotency_key`.

    Dialect, path, form, SHA-256 of the fields without the key, precondition, and dimensions, which
    may be a default that the operator can change."""
    idempotency_key: str | None = None
    """As the client sent it, not validated yet."""
    revision: str | None = None
    """The revision that the vectors must be of, as the client sent it, not validated yet."""

    def at(self, dimensions: int) -> "RequestContext":
        """The context with the dimensions in its fingerprint."""
        if self.idempotency_key is None:
            return self
        return replace(self, fingerprint=f"{self.fingerprint} {dimensions}")


@dataclass(frozen=True, slots=True)
class Consumer:
    """A consumer and the name of its plan; without a plan it has no limit."""

    name: str
    plan: str | None = None
    leaving: str | None = None
    """While it is being deleted: the name under which its usage is kept."""
