"""The simulation against what can be worked out by hand."""

import pytest

from benchmarks.scale.platform import Bucket
from benchmarks.scale.simulate import SECONDS, Times, simulate
from imgvec.cost import Workload
from tests.support.server.places import ROOT

EVEN = Times(answer=0.1, spread=0.0, init=1.0)
WIDE = 1_000_000.0


def erlang_b(servers: int, offered: float) -> float:
    """Share that a system without a queue loses (Erlang 1917), for any law of service times."""
    lost = 1.0
    for server in range(1, servers + 1):
        lost = offered * lost / (server + offered * lost)
    return lost


def test_a_bucket_gives_its_depth_and_then_its_rate() -> None:
    bucket = Bucket(rate=2.0, depth=3.0)
    assert [bucket.take(0.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(0.5), bucket.take(0.5)] == [True, False]
    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]


def test_what_arrives_is_the_rate() -> None:
    assert simulate(50, EVEN, 1000, WIDE).arrived == pytest.approx(50 * SECONDS, rel=0.05)


def test_environments_at_the_rise_are_those_of_a_cold_answer() -> None:
    # Little's law: until the first cold answer, all that arrives needs an environment of its own.
    outcome = simulate(200, EVEN, 1000, WIDE)
    assert outcome.environments == pytest.approx(200 * (EVEN.init + EVEN.answer), rel=0.1)
    assert outcome.cold == outcome.environments
    assert outcome.settled_ms(0.99) == pytest.approx(100)
    assert outcome.throttled == outcome.refused == 0


def test_too_little_concurrency_fails_what_it_cannot_answer() -> None:
    outcome = simulate(200, EVEN, 10, WIDE)
    assert outcome.environments == 10
    answered = len(outcome.rise) + len(outcome.settled)
    lost = erlang_b(servers=10, offered=200 * EVEN.answer)
    assert answered / outcome.arrived == pytest.approx(1 - lost, rel=0.05)
    assert outcome.throttled == outcome.arrived - answered


def test_the_stage_refuses_before_concurrency_fails() -> None:
    outcome = simulate(200, EVEN, 10, stage_rate=50)
    assert outcome.refused > 10 * outcome.throttled


def test_a_steep_rise_meets_the_pace_at_which_environments_start() -> None:
    assert simulate(2_000, EVEN, 10_000, WIDE).throttled > 0
    assert simulate(500, EVEN, 10_000, WIDE).throttled == 0


def test_the_page_was_made_from_the_present_times() -> None:
    milliseconds = Workload(1, 2.0).function_ms
    page = (ROOT / "docs" / "scale.md").read_text()
    assert f"{milliseconds:.0f} ms an answer" in page, "run `make scale`"
