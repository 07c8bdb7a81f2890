"""The token bucket, with a clock that is set by hand."""

import pytest

from imgvec.accounts.rate_limit import RateLimiter
from imgvec.errors import TooFast
from imgvec.types import Allowance, Plan, tightest


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def granted(limiter: RateLimiter, clock: Clock, *pauses: float) -> list[bool]:
    """Whether a request passes after each pause, at 2 a second and 3 at once."""
    verdicts = []
    for pause in pauses:
        clock.now += pause
        try:
            limiter.take("acme", 2.0, 3)
        except TooFast:
            verdicts.append(False)
        else:
            verdicts.append(True)
    return verdicts


@pytest.mark.parametrize(
    ("pauses", "expected"),
    [
        pytest.param([0, 0, 0, 0], [True, True, True, False], id="burst"),
        pytest.param([0, 0, 0, 0.49, 0.01], [True, True, True, False, True], id="refill"),
        pytest.param([0, 0, 0, 0, 0.5], [True, True, True, False, True], id="refusals-are-free"),
        pytest.param([0] + [0.5] * 9, [True] * 10, id="steady"),
        pytest.param([0, 100, 0, 0, 0], [True, True, True, True, False], id="never-over-its-depth"),
    ],
)
def test_bucket(pauses: list[float], expected: list[bool]) -> None:
    clock = Clock()
    assert granted(RateLimiter(clock), clock, *pauses) == expected


def test_it_says_when_to_come_back_and_what_is_left() -> None:
    clock = Clock()
    limiter = RateLimiter(clock)
    left = [limiter.take("acme", 0.1, 2) for _ in range(2)]
    assert left == [Allowance(2, 1, 10), Allowance(2, 0, 20)]
    clock.now += 1.5
    with pytest.raises(TooFast) as refused:
        limiter.take("acme", 0.1, 2)
    # 0.15 tokens are there; 0.85 more take 8.5 seconds.
    assert refused.value.retry_after == 9
    assert refused.value.allowance == Allowance(2, 0, 19)


def test_consumers_have_buckets_of_their_own() -> None:
    limiter = RateLimiter(Clock())
    limiter.take("acme", 1.0, 1)
    limiter.take("other", 1.0, 1)
    with pytest.raises(TooFast):
        limiter.take("acme", 1.0, 1)


def test_a_smaller_plan_holds_at_once() -> None:
    limiter = RateLimiter(Clock())
    limiter.take("acme", 1.0, 100)
    limiter.take("acme", 1.0, 1)
    with pytest.raises(TooFast):
        limiter.take("acme", 1.0, 1)


@pytest.mark.parametrize(
    ("rate", "burst", "depth"), [(5.0, None, 5), (2.5, None, 3), (0.1, None, 1), (5.0, 20, 20)]
)
def test_depth(rate: float, burst: int | None, depth: int) -> None:
    assert Plan("p", rate, burst).depth == depth


def test_the_tightest_limit_is_told() -> None:
    day, bucket = Allowance(100, 3, 60), Allowance(10, 9, 1)
    assert tightest([day, None, bucket]) == day
    assert tightest([None, None]) is None


def test_owed_tokens_come_back_at_the_rate_and_within_an_hour() -> None:
    clock = Clock()
    limiter = RateLimiter(clock)
    limiter.owe("acme", 2.0, 3, 8)
    with pytest.raises(TooFast) as refused:
        limiter.take("acme", 2.0, 3)
    # Three were there; six more are needed for the next.
    assert refused.value.retry_after == 3
    assert refused.value.allowance == Allowance(3, 0, 4)
    limiter.owe("other", 0.01, 1, 10**6)
    with pytest.raises(TooFast) as refused:
        limiter.take("other", 0.01, 1)
    assert refused.value.retry_after == 3600 + 100
    # Further debt never makes an older one smaller.
    limiter.owe("other", 0.001, 1, 1)
    with pytest.raises(TooFast) as refused:
        limiter.take("other", 0.01, 1)
    assert refused.value.retry_after == 3600 + 100
