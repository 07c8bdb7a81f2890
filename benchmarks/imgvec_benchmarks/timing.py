"""Times of things that are compared: in turns, so that a slow minute of the machine meets all."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

Measured: TypeAlias = Callable[[], object]
"""Work; where it gives a float, those are its own milliseconds, else our clock counts."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How much of the usual repetitions: all for the page, next to none to see that it runs."""

    share: float = 1.0

    def rounds(self, usual: int, least: int = 2) -> int:
        """Repetitions of one thing; a spread takes two at least."""
        return max(least, round(self.share * usual))

    def seconds(self, usual: float) -> float:
        return max(0.2, self.share * usual)


@dataclass(frozen=True, slots=True)
class Timed:
    """Milliseconds of some repetitions."""

    runs: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.runs)

    def __str__(self) -> str:
        """The median, and the quartiles that hold half of the runs."""
        low, _, high = statistics.quantiles(self.runs, n=4)
        digits = 1 if self.median >= 1 else 3
        return f"{self.median:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def clocked(do: Measured) -> float:
    started = time.perf_counter()
    own = do()
    taken = (time.perf_counter() - started) * 1000
    return own if isinstance(own, float) else taken


def in_turns(work: Mapping[str, Measured], rounds: int) -> dict[str, Timed]:
    """Do each once to warm it, then all of them `rounds` times, one after the other."""
    runs: dict[str, list[float]] = {name: [] for name in work}
    for do in work.values():
        do()
    for _ in range(rounds):
        for name, do in work.items():
            runs[name].append(clocked(do))
    return {name: Timed(tuple(taken)) for name, taken in runs.items()}


def rate_of(work: Sequence[Callable[[], object]], seconds: float) -> float:
    """How often a second threads do their work, each its own again and again without a pause."""
    started = time.perf_counter()

    def loop(do: Callable[[], object]) -> int:
        done = 0
        while time.perf_counter() < started + seconds:
            do()
            done += 1
        return done

    with ThreadPoolExecutor(len(work)) as pool:
        done = sum(pool.map(loop, work))
    return done / (time.perf_counter() - started)
