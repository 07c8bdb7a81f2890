"""Whether a server that is watched for long goes on as it began."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from tests.support.server.load_client import Answer

WARM: Final = 0.1
"""Part of the time that is not judged: caches fill, pages are touched."""
GROWTH: Final = 1.05
"""The most that the last third's memory may be of the first third's, after warming up."""
DEARER: Final = 1.10
"""The same of the processor time of an answer."""


@dataclass(frozen=True)
class Sample:
    """The server at one moment."""

    when: float
    megabytes: float
    cpu: float
    """Seconds that it has computed."""
    handles: int


def costs(samples: list[Sample], answers: list[Answer]) -> list[float]:
    """Milliseconds that the server has computed for one request, between each two samples."""
    return [
        (last.cpu - first.cpu) * 1000 / sent
        for first, last in pairwise(samples)
        if (sent := sum(first.when <= answer.sent < last.when for answer in answers))
    ]


def thirds(values: Sequence[float]) -> tuple[Sequence[float], Sequence[float]]:
    """The first and the last third of what is judged."""
    warm = values[round(len(values) * WARM) :]
    third = len(warm) // 3
    return warm[:third], warm[-third:]


def flat_memory(samples: list[Sample]) -> bool:
    """Whether memory has stopped to grow."""
    first, last = map(statistics.median, thirds([sample.megabytes for sample in samples]))
    print(f"resident memory: first third {first:.1f} MB, last third {last:.1f} MB")
    return last <= GROWTH * first


def flat_cost(costs: list[float]) -> bool:
    """Whether an answer costs as much processor time in the end as in the beginning.

    By the lower quartiles: what neighbours on the same core add comes and goes, what grows stays.
    """
    first, last = (statistics.quantiles(third)[0] for third in thirds(costs))
    print(f"processor time of a request: first third {first:.2f} ms, last third {last:.2f} ms")
    return last <= DEARER * first
