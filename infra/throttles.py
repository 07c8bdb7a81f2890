"""How fast a stage lets requests pass, by how many functions the account may run at once."""

from dataclasses import dataclass
from typing import Final

SECONDS: Final = 2
"""Seconds of an answer that meets a cold start: docs/explanation/scale.md counts 1.5 for the
function's start, the rest is the authorizer's, which runs before it, and the answer itself."""
METHODS: Final = 2
"""Methods of the gateway that embed (memories.ai's, and all other vendors'): each has the limits
for itself, since a stage's throttle is one for each method and not one for all."""


@dataclass(frozen=True, slots=True)
class Throttles:
    """`ThrottleRate`, in requests a second, and `ThrottleBurst`, in requests at once."""

    rate: int
    burst: int

    @property
    def in_flight(self) -> int:
        """Most requests that a gateway with these throttles has in flight.

        It fills a bucket of `burst` tokens at `rate` a second and takes one for each request. Those
        in flight came within the last SECONDS, so in a method they are at most the sum below. Each
        runs the authorizer and then the function, so it is one execution at a time.
        """
        return METHODS * (self.burst + self.rate * SECONDS)


def choose_throttles(
    concurrency: int, rate: int | None = None, burst: int | None = None
) -> Throttles:
    """The throttles with which no more are in flight than an account may run functions at once.

    Beyond its `concurrency` a caller would get 500, while beyond the throttles it gets 429. Half of
    a method's share goes to the burst and half to the rate. A `rate` or `burst` that the operator
    gives stays, and the other gets what is left. Neither is below 1, the template's least: so an
    account of fewer than 6, or a large `rate` or `burst`, has more in flight than it may run.
    """
    share = concurrency // METHODS
    if rate is None:
        for_rate = share // 2 if burst is None else share - burst
        rate = max(1, for_rate // SECONDS)
    if burst is None:
        burst = max(1, share - rate * SECONDS)
    return Throttles(rate, burst)
