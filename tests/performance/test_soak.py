"""What `make soak` fails for."""

import pytest

from tests.performance.flatness import Sample, costs, flat_cost, flat_memory
from tests.performance.soak import SAMPLES
from tests.support.server.load_client import Answer

MINUTE, REQUESTS = 60.0, 20


def soaked(*, leak: float = 0.0, slowing: float = 0.0, busy: int = 0) -> list[Sample]:
    """An hour of samples: MB that stay of each minute, milliseconds more for each request.

    In every third minute of the last third, `busy` neighbours slow the processor.
    """
    samples, cpu = [], 0.0
    for minute in range(SAMPLES + 1):
        samples.append(Sample(minute * MINUTE, 300 + leak * minute, cpu, 20))
        late = minute > SAMPLES * 2 // 3 and minute % 3 == 0
        cpu += REQUESTS * (10 + slowing * minute) / 1000 * (1 + busy * late)
    return samples


def answers() -> list[Answer]:
    """As many in each minute, of any status."""
    pause = MINUTE / REQUESTS
    return [
        Answer("text", number * pause, 0.01, (200, 401, 0)[number % 3])
        for number in range(REQUESTS * SAMPLES)
    ]


@pytest.mark.parametrize(("leak", "passes"), [(0.0, True), (0.1, True), (1.0, False)])
def test_memory(leak: float, passes: bool) -> None:
    assert flat_memory(soaked(leak=leak)) is passes


@pytest.mark.parametrize(
    ("slowing", "busy", "passes"),
    [(0.0, 0, True), (0.01, 0, True), (0.0, 2, True), (0.05, 0, False), (0.05, 2, False)],
)
def test_cost(slowing: float, busy: int, passes: bool) -> None:
    """It grows with every request, or only while neighbours are busy."""
    found = costs(soaked(slowing=slowing, busy=busy), answers())
    assert found[0] == pytest.approx(10)
    assert flat_cost(found) is passes


def test_a_moment_without_requests_costs_nothing() -> None:
    samples = [Sample(0, 300, 0, 20), Sample(60, 300, 1, 20), Sample(120, 300, 2, 20)]
    assert costs(samples, answers()[:REQUESTS]) == [1000 / REQUESTS]
