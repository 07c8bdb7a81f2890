"""Reserve, settle, release and what the dead leave behind, on both stores."""

from dataclasses import replace
from typing import cast

import pytest

from imgvec.accounts.idempotency import IdempotentMeter
from imgvec.accounts.metering import MARGIN_SECONDS, RESERVED_SECONDS, SPENT_SECONDS
from imgvec.accounts.ports import AccountStore
from imgvec.errors import QuotaExhausted, TooFast
from imgvec.types import Plan, Principal, Quota, day_of, end_of
from tests.support.accounts.meter_bench import Bench


def test_answered_is_counted(bench: Bench) -> None:
    bench.answer(bench.charge())
    bench.answer(bench.charge(units=3))
    assert (bench.counted(), bench.taken()) == (4, 4)


def test_given_back_is_not(bench: Bench) -> None:
    meter = bench.meter()
    ticket = meter.reserve(bench.charge())
    assert ticket is not None
    assert bench.taken() == 1
    meter.release(ticket)
    assert (bench.counted(), bench.taken()) == (0, 0)


def test_the_quota_holds_and_says_what_is_left(bench: Bench) -> None:
    bench.quota = Quota(daily=2, monthly=100)
    left = [bench.answer(bench.charge()).allowance for _ in range(2)]
    assert [(one.limit, one.remaining) for one in left if one] == [(2, 1), (2, 0)]
    with pytest.raises(QuotaExhausted) as refused:
        bench.meter().reserve(bench.charge())
    allowance = refused.value.allowance
    assert allowance is not None
    assert (allowance.limit, allowance.remaining, allowance.reset) == (2, 0, 12 * 3600)


def spent(bench: Bench) -> IdempotentMeter:
    """A process that has seen a daily quota of two used up."""
    bench.quota = Quota(daily=2)
    bench.answer(bench.charge(units=2))
    meter = bench.meter()
    with pytest.raises(QuotaExhausted):
        meter.reserve(bench.charge())
    return meter


@pytest.mark.parametrize("after", [0, SPENT_SECONDS - 1, SPENT_SECONDS])
@pytest.mark.parametrize("seen", [True, False], ids=["by this process", "by another"])
def test_a_used_up_quota_is_known_before_any_work(bench: Bench, seen: bool, after: float) -> None:
    meter = spent(bench) if seen else spent(bench) and bench.meter()
    bench.later(after)
    with pytest.raises(QuotaExhausted) as refused:
        meter.check_spent(bench.charge().principal, 1)
    allowance = refused.value.allowance
    assert allowance is not None
    assert (allowance.limit, allowance.remaining) == (2, 0)
    assert allowance.reset == 12 * 3600 - after


def test_units_that_the_dead_hold_are_not_used_up(bench: Bench) -> None:
    bench.quota = Quota(daily=1)
    assert bench.meter().reserve(bench.charge()) is not None
    with pytest.raises(QuotaExhausted):
        bench.meter().check_spent(bench.charge().principal, 1)
    bench.later(RESERVED_SECONDS)
    bench.meter().check_spent(bench.charge().principal, 1)


def test_units_that_came_back_after_midnight_are_not_used_up(bench: Bench) -> None:
    bench.quota = Quota(monthly=1)
    bench.now = end_of(day_of(bench.now)) - 1
    meter = bench.meter()
    ticket = meter.reserve(bench.charge())
    assert ticket is not None
    bench.later(2)
    with pytest.raises(QuotaExhausted):
        meter.reserve(bench.charge())
    meter.release(ticket)
    bench.meter().check_spent(bench.charge().principal, 1)


class NeverAsked:
    """A store that fails any call."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"the store was asked: {name}")


@pytest.mark.parametrize(
    "plan", [None, Plan("rate", 5.0), Plan("soft", quota=Quota(daily=1), soft=True)]
)
def test_nothing_is_read_where_no_quota_is_enforced(plan: Plan | None) -> None:
    meter = IdempotentMeter(cast(AccountStore, NeverAsked()), window=1.0)
    meter.check_spent(Principal("acme", "k_1", plan), 1)


def test_a_used_up_quota_is_that_of_its_consumer_plan_and_day(bench: Bench) -> None:
    meter = spent(bench)
    meter.check_spent(bench.charge(consumer="other").principal, 1)
    bench.quota = Quota(daily=3)
    meter.check_spent(bench.charge().principal, 1)
    bench.quota = Quota(daily=2)
    with pytest.raises(QuotaExhausted):
        meter.check_spent(bench.charge().principal, 1)
    bench.now = end_of(day_of(bench.now)) - 1
    with pytest.raises(QuotaExhausted):
        meter.reserve(bench.charge())
    bench.later(1)
    meter.check_spent(bench.charge().principal, 1)


def test_fewer_units_than_were_refused_may_be_left(bench: Bench) -> None:
    bench.quota = Quota(daily=5)
    meter = bench.meter()
    with pytest.raises(QuotaExhausted):
        meter.reserve(bench.charge(units=6))
    meter.check_spent(bench.charge().principal, 5)
    with pytest.raises(QuotaExhausted):
        meter.check_spent(bench.charge().principal, 6)


def test_a_unit_that_comes_back_is_there_at_once(bench: Bench) -> None:
    bench.quota = Quota(daily=1)
    meter = bench.meter()
    ticket = meter.reserve(bench.charge())
    with pytest.raises(QuotaExhausted):
        meter.reserve(bench.charge())
    assert ticket is not None
    meter.release(ticket)
    meter.check_spent(bench.charge().principal, 1)


def test_a_list_of_texts_is_all_or_nothing(bench: Bench) -> None:
    bench.quota = Quota(daily=5)
    bench.answer(bench.charge(units=3))
    with pytest.raises(QuotaExhausted):
        bench.meter().reserve(bench.charge(units=3))
    bench.answer(bench.charge(units=2))
    assert bench.counted() == 5


def test_a_soft_limit_counts_on_and_tells(bench: Bench) -> None:
    bench.quota = Quota(daily=1)
    for expected in (0, 0, 0):
        charge = bench.charge()
        plan = charge.principal.plan
        assert plan is not None
        soft = replace(charge, principal=replace(charge.principal, plan=replace(plan, soft=True)))
        allowance = bench.answer(soft).allowance
        assert allowance is not None
        assert allowance.remaining == expected
    assert bench.counted() == 3


def test_without_a_plan_all_is_counted_and_nothing_limited(bench: Bench) -> None:
    charge = bench.charge()
    free = replace(charge, principal=replace(charge.principal, plan=None))
    assert bench.answer(free).allowance is None
    assert bench.counted() == 1


@pytest.mark.parametrize("key", [None, "order-1"])
def test_what_the_dead_hold_comes_back(bench: Bench, key: str | None) -> None:
    bench.quota = Quota(daily=1)
    assert bench.meter().reserve(bench.charge(key)) is not None
    with pytest.raises(QuotaExhausted):
        bench.meter().reserve(bench.charge())
    bench.later(RESERVED_SECONDS - 1)
    with pytest.raises(QuotaExhausted):
        bench.meter().reserve(bench.charge())
    bench.later(1)
    bench.answer(bench.charge())
    assert (bench.counted(), bench.taken()) == (1, 1)


def test_reading_the_usage_is_enough(bench: Bench) -> None:
    bench.meter().reserve(bench.charge())
    bench.later(RESERVED_SECONDS)
    assert (bench.counted(), bench.taken()) == (0, 0)


@pytest.mark.parametrize("key", [None, "order-1"])
@pytest.mark.parametrize(
    "late", [RESERVED_SECONDS - MARGIN_SECONDS + 0.001, RESERVED_SECONDS, 3600.0]
)
def test_one_who_comes_late_is_neither_answered_nor_counted(
    bench: Bench, key: str | None, late: float
) -> None:
    bench.quota = Quota(daily=1)
    meter = bench.meter()
    ticket = meter.reserve(bench.charge(key))
    assert ticket is not None
    bench.later(late)
    with pytest.raises(TooFast):
        meter.settle(ticket)
    assert (bench.counted(), bench.taken()) == (0, 0)


def test_one_who_comes_late_takes_nothing_from_who_has_it_now(bench: Bench) -> None:
    bench.quota = Quota(daily=1)
    late = bench.meter()
    ticket = late.reserve(bench.charge())
    assert ticket is not None
    bench.later(RESERVED_SECONDS)
    bench.answer(bench.charge())
    with pytest.raises(TooFast):
        late.settle(ticket)
    assert (bench.counted(), bench.taken()) == (1, 1)


def test_a_hold_that_another_has_recovered_is_not_settled(bench: Bench) -> None:
    """Another machine's clock may be ahead by more than the margin."""
    late = bench.meter()
    plain, claimed = late.reserve(bench.charge()), late.reserve(bench.charge("order-1"))
    assert plain is not None
    assert claimed is not None
    bench.later(RESERVED_SECONDS)
    assert bench.counted() == 0
    bench.later(-RESERVED_SECONDS)
    for ticket in (plain, claimed):
        with pytest.raises(TooFast):
            late.settle(ticket)
    assert (bench.counted(), bench.taken()) == (0, 0)


def test_a_crash_between_the_claims_settling_and_the_holds_is_put_right(bench: Bench) -> None:
    bench.quota = Quota(daily=1)
    charge = bench.charge("order-1")
    ticket = bench.meter().reserve(charge)
    assert ticket is not None
    assert ticket.lease is not None
    assert ticket.reservation is not None
    settled = replace(ticket.lease.record, reservation=ticket.reservation, settled=True)
    assert bench.store.replace_record(ticket.lease.record, settled)
    bench.later(RESERVED_SECONDS)
    assert (bench.counted(), bench.taken()) == (1, 1)
    with pytest.raises(QuotaExhausted):
        bench.meter().reserve(bench.charge())
