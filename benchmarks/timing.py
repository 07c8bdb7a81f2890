"""Times of things that are compared: in turns, so that a slow minute of the machine meets all."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Measured = Callable[[], object]
"""Work; where it gives a float, those are its own milliseconds, else our clock counts."""


@dataclass(frozen=True, slots=True)
class Timed:
    """Milliseconds of some repetitions."""

    runs: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median, in milliseconds."""
        return statistics.median(self.runs)

    def __str__(self) -> str:
        """The median, and the quartiles that hold half of the runs."""
        if len(self.runs) < 2:
            return f"{self.median:.1f}"
        low, _, high = statistics.quantiles(self.runs, n=4)
        return f"{self.median:.1f} ({low:.1f} to {high:.1f})"


def in_turns(work: Mapping[str, Measured], rounds: int) -> dict[str, Timed]:
    """Do each once to warm it, then all of them `rounds` times, one after the other."""
    runs: dict[str, list[float]] = {name: [] for name in work}
    for do in work.values():
        do()
    for _ in range(rounds):
        for name, do in work.items():
            started = time.perf_counter()
            own = do()
            taken = (time.perf_counter() - started) * 1000
            runs[name].append(own if isinstance(own, float) else taken)
    return {name: Timed(tuple(taken)) for name, taken in runs.items()}


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
