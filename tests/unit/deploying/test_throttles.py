"""Throttles by the concurrency of an account."""

from collections import deque

import pytest

from infra.throttles import METHODS, SECONDS, Throttles, choose_throttles
from tests.support.aws.token_bucket import Bucket


@pytest.mark.parametrize(
    ("concurrency", "throttles"),
    [
        (10, Throttles(rate=1, burst=3)),
        (50, Throttles(rate=6, burst=13)),
        (1_000, Throttles(rate=125, burst=250)),
        (10_000, Throttles(rate=1_250, burst=2_500)),
    ],
)
def test_the_account_decides(concurrency: int, throttles: Throttles) -> None:
    assert choose_throttles(concurrency) == throttles


def most_at_once(throttles: Throttles) -> int:
    """Requests in flight behind a gateway that is flooded in every method that embeds."""
    buckets = [Bucket(throttles.rate, throttles.burst) for _ in range(METHODS)]
    ends: deque[float] = deque()
    most = 0
    # Time in steps in which a gateway lets less than one request pass.
    steps = 4 * throttles.rate
    for step in range(8 * SECONDS * steps):
        moment = step / steps
        while ends and ends[0] <= moment:
            ends.popleft()
        for bucket in buckets:
            while bucket.take(moment):
                ends.append(moment + SECONDS)
        most = max(most, len(ends))
    return most


@pytest.mark.parametrize("concurrency", [6, 10, 11, 50, 100, 1_000, 10_000])
def test_a_flood_of_every_method_stays_below_the_account(concurrency: int) -> None:
    throttles = choose_throttles(concurrency)
    most = most_at_once(throttles)
    assert most <= throttles.in_flight <= concurrency
    assert most >= 0.7 * concurrency or concurrency < 10, "and most of it is used"


def test_an_account_of_1000_lets_200_pass_at_once() -> None:
    bucket = Bucket(choose_throttles(1_000).rate, choose_throttles(1_000).burst)
    assert all(bucket.take(0) for _ in range(200))


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        ({"rate": 50}, Throttles(rate=50, burst=400)),
        ({"burst": 400}, Throttles(rate=50, burst=400)),
        ({"rate": 5_000}, Throttles(rate=5_000, burst=1)),
        ({"burst": 5_000}, Throttles(rate=1, burst=5_000)),
        ({"rate": 7, "burst": 9}, Throttles(rate=7, burst=9)),
    ],
)
def test_what_the_operator_gives_stays(given: dict[str, int], chosen: Throttles) -> None:
    assert choose_throttles(1_000, **given) == chosen


@pytest.mark.parametrize("concurrency", [1, 2, 5])
def test_where_the_least_is_too_much_it_can_be_told(concurrency: int) -> None:
    throttles = choose_throttles(concurrency)
    assert throttles == Throttles(rate=1, burst=1)
    assert throttles.in_flight > concurrency
