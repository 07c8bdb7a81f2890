"""The clock is set back while requests are under way: nothing is lost or counted twice."""

import pytest

from imgvec.accounts.metering import RESERVED_SECONDS
from imgvec.types import Quota
from tests.support.accounts.meter_bench import Bench

HOUR = 3600.0


@pytest.mark.parametrize("key", [None, "order-1"])
@pytest.mark.parametrize("hours", [1, 13], ids=["the same day", "the day before"])
def test_what_was_reserved_is_counted_once(bench: Bench, key: str | None, hours: int) -> None:
    meter = bench.meter()
    ticket = meter.reserve(bench.charge(key))
    assert ticket is not None
    bench.later(-hours * HOUR)
    meter.settle(ticket)
    bench.later(hours * HOUR)
    assert (bench.counted(), bench.taken()) == (1, 1)


def test_replay_stays_a_replay(bench: Bench) -> None:
    bench.answer(bench.charge("order-1"))
    bench.later(-2 * HOUR)
    assert bench.answer(bench.charge("order-1")).reservation is None
    bench.later(2 * HOUR)
    assert bench.counted() == 1


def test_what_the_dead_hold_comes_back_when_the_clock_has_caught_up(bench: Bench) -> None:
    bench.quota = Quota(daily=1)
    assert bench.meter().reserve(bench.charge()) is not None
    bench.later(-HOUR)
    # Held for longer than usual, and never given away twice.
    assert bench.taken() == 1
    bench.later(HOUR + RESERVED_SECONDS + 1)
    bench.answer(bench.charge())
    assert (bench.counted(), bench.taken()) == (1, 1)
