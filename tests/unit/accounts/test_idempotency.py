"""The same `Idempotency-Key` again, fifty ways, on both stores.

Each way is a little story: what happens, and how many images are counted at its end.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import pytest

from imgvec.accounts.idempotency import IdempotentMeter, Ticket
from imgvec.accounts.metering import RESERVED_SECONDS, Charge
from imgvec.errors import BadParameter, QuotaExhausted, TooFast
from imgvec.types import Quota
from tests.support.accounts.meter_bench import WINDOW, Bench

Step = Callable[[Bench], None]
Act = Callable[[Bench, Charge], None]
KEY = "order-1"
HOUR = 3600.0


def die(bench: Bench, charge: Charge) -> None:
    """Reserve, and never be heard of again."""
    assert bench.meter().reserve(charge) is not None


def fail(bench: Bench, charge: Charge) -> None:
    """Reserve, and fail by our own fault."""
    meter = bench.meter()
    ticket = meter.reserve(charge)
    assert ticket is not None
    meter.release(ticket)


def refused(bench: Bench, charge: Charge) -> None:
    """The same key stands for something else."""
    with pytest.raises(BadParameter):
        bench.meter().check(charge.principal, charge.context)
    with pytest.raises(BadParameter):
        bench.meter().reserve(charge)


def busy(bench: Bench, charge: Charge) -> None:
    """A twin is at work."""
    bench.meter().check(charge.principal, charge.context)
    assert bench.meter().reserve(charge) is None


def replayed(bench: Bench, charge: Charge) -> None:
    """Answered, and free."""
    assert bench.answer(charge).reservation is None


def new(bench: Bench, charge: Charge) -> None:
    """Answered, and counted."""
    assert bench.answer(charge).reservation is not None


def exhausted(bench: Bench, charge: Charge) -> None:
    """The quota has no unit for it."""
    with pytest.raises(QuotaExhausted):
        bench.meter().reserve(charge)


def torn(bench: Bench, charge: Charge) -> None:
    """Die between the claim's settling and the hold's."""
    ticket = bench.meter().reserve(charge)
    assert ticket is not None
    assert ticket.lease is not None
    assert ticket.reservation is not None
    settled = replace(ticket.lease.record, reservation=ticket.reservation, settled=True)
    assert bench.store.replace_record(ticket.lease.record, settled)


def overtaken(bench: Bench, charge: Charge) -> None:
    """Be so slow that another takes the place, and then try to settle."""
    slow = bench.meter()
    ticket = slow.reserve(charge)
    assert ticket is not None
    bench.later(RESERVED_SECONDS)
    new(bench, replace(charge, context=replace(charge.context, request_id="faster")))
    with pytest.raises(TooFast):
        slow.settle(ticket)


def does(
    act: Act,
    key: str | None = KEY,
    *,
    asked: str = "/imgembed one",
    content: bytes = b"image",
    consumer: str = "acme",
    revision: str = "r1",
    units: int = 1,
) -> Step:
    """A step: a new request, and what becomes of it."""
    return lambda bench: act(
        bench,
        bench.charge(
            key, asked=asked, content=content, consumer=consumer, revision=revision, units=units
        ),
    )


def wait(seconds: float) -> Step:
    """Let time pass."""
    return lambda bench: bench.later(seconds)


def quota(daily: int) -> Step:
    """From now on, so many images a day."""

    def step(bench: Bench) -> None:
        bench.quota = Quota(daily=daily)

    return step


def parallel(requests: int, units: int = 1) -> Step:
    """All at once, each waiting for its twin as the service does; one of them is counted."""

    def one(pair: tuple[IdempotentMeter, Charge]) -> Ticket:
        meter, charge = pair
        while (ticket := meter.reserve(charge)) is None:
            time.sleep(0.002)
        meter.settle(ticket)
        return ticket

    def step(bench: Bench) -> None:
        asked = [(bench.meter(), bench.charge(KEY, units=units)) for _ in range(requests)]
        with ThreadPoolExecutor(requests) as pool:
            tickets = list(pool.map(one, asked))
        assert sum(ticket.reservation is not None for ticket in tickets) == 1

    return step


EVENING = 12 * HOUR - 30
"""From the bench's noon to half a minute before midnight."""

# Name: the steps, and how many images of "acme" are counted after them.
WAYS: dict[str, tuple[list[Step], int]] = {
    "once": ([does(new)], 1),
    "twice": ([does(new), does(replayed)], 1),
    "ten times": ([does(new), *[does(replayed)] * 9], 1),
    "parallel twins": ([parallel(2)], 1),
    "parallel, sixteen": ([parallel(16)], 1),
    "parallel lists": ([parallel(8, units=3)], 3),
    "parallel, and once more": ([parallel(8), does(replayed)], 1),
    "parallel after a crash": ([does(die), wait(RESERVED_SECONDS), parallel(8)], 1),
    "parallel after a failure": ([does(fail), parallel(8)], 1),
    "parallel with one other": ([parallel(4), does(new, "order-2"), does(replayed)], 2),
    "after a timeout, while the first works": ([does(die), does(busy)], 0),
    "after a timeout, when the first is done": ([does(new), wait(30), does(replayed)], 1),
    "after a timeout, an hour later": ([does(new), wait(HOUR), does(replayed)], 1),
    "crash, at once": ([does(die), does(busy), does(busy)], 0),
    "crash, and too early": ([does(die), wait(RESERVED_SECONDS - 1), does(busy)], 0),
    "crash, in time": ([does(die), wait(RESERVED_SECONDS), does(new)], 1),
    "crash, in time, twice": ([does(die), wait(RESERVED_SECONDS), does(new), does(replayed)], 1),
    "two crashes": (
        [does(die), wait(RESERVED_SECONDS), does(die), wait(RESERVED_SECONDS), does(new)],
        1,
    ),
    "crash, never again": ([does(die), wait(HOUR)], 0),
    "crash, after the window": ([does(die), wait(WINDOW), does(new)], 1),
    "crash of a list": ([does(die, units=3), wait(RESERVED_SECONDS), does(new, units=3)], 3),
    "torn, at once": ([does(torn), does(replayed)], 1),
    "torn, later": ([does(torn), wait(RESERVED_SECONDS), does(replayed), does(replayed)], 1),
    "torn, answered again, and read when the claim is gone": (
        [does(torn), does(replayed), wait(WINDOW), does(new, "order-2")],
        2,
    ),
    "torn, never again": ([does(torn), wait(RESERVED_SECONDS)], 1),
    "overtaken": ([does(overtaken), does(replayed)], 1),
    "failure": ([does(fail), does(new)], 1),
    "failures": ([does(fail), does(fail), does(new), does(replayed)], 1),
    "failure of a replay": ([does(new), does(fail), does(replayed)], 1),
    "failure, other body": ([does(fail), does(new, asked="other")], 1),
    "other body": ([does(new), does(refused, asked="other"), does(replayed)], 1),
    "other body, while the first works": ([does(die), does(refused, asked="other")], 0),
    "other body, after a crash": (
        [does(die), wait(RESERVED_SECONDS), does(refused, asked="other")],
        0,
    ),
    "other body, after the window": ([does(new), wait(WINDOW), does(new, asked="other")], 2),
    "other consumer": ([does(new), does(new, consumer="other"), does(replayed)], 1),
    "other consumer, while the first works": ([does(die), does(new, consumer="other")], 0),
    "other consumer, other body": ([does(new), does(new, consumer="other", asked="other")], 1),
    "other bytes": ([does(new), does(new, content=b"2")], 2),
    "other bytes, twice": ([does(new), does(new, content=b"2"), does(replayed, content=b"2")], 2),
    "other bytes, and back": ([does(new), does(new, content=b"2"), does(new)], 3),
    "other bytes that fail": ([does(new), does(fail, content=b"2"), does(replayed)], 1),
    "other revision": ([does(new), does(new, revision="r2"), does(replayed, revision="r2")], 2),
    "other list": ([does(new, units=3), does(new, units=2)], 5),
    "the same list": ([does(new, units=3), does(replayed, units=3)], 3),
    "end of the window": ([does(new), wait(WINDOW - 1), does(replayed), wait(1), does(new)], 2),
    "no key": ([does(new, None), does(new, None)], 2),
    "another key": ([does(new), does(new, "order-2")], 2),
    "in another case": ([does(new), does(new, "Order-1")], 2),
    "in quotes": ([does(new), does(replayed, f'"{KEY}"')], 1),
    "longest key": ([does(new, "k" * 128), does(replayed, "k" * 128)], 1),
    "too long": ([does(refused, "k" * 129)], 0),
    "empty": ([does(refused, "")], 0),
    "space inside": ([does(refused, "order 1")], 0),
    "not ASCII": ([does(refused, "Bestellung-ä")], 0),
    "quota used up by the first": ([quota(1), does(new), does(replayed), does(exhausted, "2")], 1),
    "quota used up before": (
        [quota(1), does(die, None), does(exhausted), wait(RESERVED_SECONDS), does(new)],
        1,
    ),
    "quota too small for other bytes": (
        [quota(1), does(new), does(exhausted, content=b"2"), does(replayed)],
        1,
    ),
    "over midnight": ([wait(EVENING), does(new), wait(HOUR), does(replayed)], 1),
    "crash at midnight": ([wait(EVENING), does(die), wait(RESERVED_SECONDS), does(new)], 1),
}


@pytest.mark.parametrize("name", WAYS)
def test_counted_as_ruled(bench: Bench, name: str) -> None:
    steps, expected = WAYS[name]
    for step in steps:
        step(bench)
    # What still works when the steps end is dead by then.
    bench.later(RESERVED_SECONDS)
    assert bench.counted() == expected
    left = bench.store.expired_reservations("acme", date(2026, 2, 1), date(2026, 3, 1), bench.now)
    assert list(left) == []


def test_there_are_fifty_ways() -> None:
    assert len(WAYS) >= 50
