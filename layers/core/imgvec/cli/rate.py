"""How often a second something is done, by several threads."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor


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
