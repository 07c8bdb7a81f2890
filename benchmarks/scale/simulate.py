"""Discrete events: requests come at random, environments start, work and wait.

A rise is the hard case: nothing runs, and from one second to the next the whole rate is there.
"""

import random
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Final

from benchmarks.scale.platform import (
    GATEWAY_BURST,
    GATEWAY_RATE,
    NEW_ENVIRONMENTS,
    NEW_ENVIRONMENTS_A_SECOND,
    Bucket,
)
from benchmarks.timing import percentile

SECONDS: Final = 120.0
SETTLED: Final = 60.0
"""From here on the rise is over."""


@dataclass(frozen=True, slots=True)
class Times:
    """What one environment takes, in seconds; spreads are those of a log-normal law."""

    answer: float
    """Median of a warm one."""
    spread: float
    init: float
    """What a cold one takes before."""


@dataclass
class Outcome:
    """What became of the requests."""

    arrived: int = 0
    refused: int = 0
    """By the stage's throttle: 429."""
    throttled: int = 0
    """By the account's concurrency, or because environments start too slowly: 500."""
    cold: int = 0
    environments: int = 0
    rise: list[float] = field(default_factory=list)
    """Seconds that answered requests took in the first minute."""
    settled: list[float] = field(default_factory=list)

    def settled_ms(self, share: float) -> float:
        """A percentile after the rise, in ms."""
        return percentile(self.settled, share) * 1000

    def rise_ms(self, share: float) -> float:
        """A percentile in the first minute, in ms."""
        return percentile(self.rise, share) * 1000


def simulate(
    rate: float, times: Times, concurrency: int, stage_rate: float, seed: int = 0
) -> Outcome:
    """Two minutes at `rate` requests a second, from a standstill."""
    chance = random.Random(seed)
    stage = Bucket(stage_rate, max(1.0, stage_rate / 2))
    account = Bucket(GATEWAY_RATE, GATEWAY_BURST)
    starts = Bucket(NEW_ENVIRONMENTS_A_SECOND, NEW_ENVIRONMENTS)
    outcome = Outcome()
    busy: list[float] = []
    moment, idle = 0.0, 0
    while (moment := moment + chance.expovariate(rate)) < SECONDS:
        outcome.arrived += 1
        while busy and busy[0] <= moment:
            heappop(busy)
            idle += 1
        if not (stage.take(moment) and account.take(moment)):
            outcome.refused += 1
            continue
        seconds = times.answer * chance.lognormvariate(0.0, times.spread)
        if idle:
            idle -= 1
        elif outcome.environments < concurrency and starts.take(moment):
            outcome.environments += 1
            outcome.cold += 1
            seconds += times.init
        else:
            outcome.throttled += 1
            continue
        heappush(busy, moment + seconds)
        (outcome.rise if moment < SETTLED else outcome.settled).append(seconds)
    return outcome
