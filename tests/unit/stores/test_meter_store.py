"""Holds, counts and claims, on both stores."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import pytest

from imgvec.accounts.ports import IdempotencyRecord, Label, QuotaUsage, Reservation, UsageRow
from imgvec.accounts.prices import Tariff
from imgvec.stores import Store
from imgvec.types import UNLIMITED, Quota

DAY = date(2028, 2, 29)
LABEL = Label("k_1", "pixlab", 512)
NOW = 1000.0


def hold(name: str, day: date = DAY, consumer: str = "acme", expires: float = 2000) -> Reservation:
    return Reservation(consumer, name, day, expires)


def taken(store: Store, day: date = DAY) -> tuple[int, int]:
    standing = store.quota_usage("acme", day, NOW)
    return standing.day, standing.month


class TestReserve:
    def test_takes_units_of_the_day_and_its_month(self, any_store: Store) -> None:
        assert any_store.reserve(hold("a"), UNLIMITED, NOW) == (hold("a"), QuotaUsage(1, 1))
        assert any_store.reserve(hold("b*5"), UNLIMITED, NOW) == (hold("b*5"), QuotaUsage(6, 6))
        assert taken(any_store) == (6, 6)

    def test_the_same_hold_is_taken_once(self, any_store: Store) -> None:
        for _ in range(3):
            granted, standing = any_store.reserve(hold("a"), Quota(daily=1), NOW)
            assert granted == hold("a")
        assert taken(any_store) == (standing.day, standing.month) == (1, 1)

    @pytest.mark.parametrize("quota", [Quota(daily=3), Quota(monthly=3), Quota(3, 3)])
    def test_the_last_unit_is_granted_and_no_further(self, any_store: Store, quota: Quota) -> None:
        for name in ("a", "b", "c"):
            assert any_store.reserve(hold(name), quota, NOW)[0] is not None
        assert any_store.reserve(hold("d"), quota, NOW) == (None, QuotaUsage(3, 3))
        assert taken(any_store) == (3, 3)

    def test_units_are_granted_all_or_none(self, any_store: Store) -> None:
        assert any_store.reserve(hold("a*3"), Quota(daily=4), NOW)[0] is not None
        assert any_store.reserve(hold("b*2"), Quota(daily=4), NOW)[0] is None
        assert any_store.reserve(hold("c"), Quota(daily=4), NOW)[0] is not None

    def test_a_quota_smaller_than_the_request_grants_nothing(self, any_store: Store) -> None:
        assert any_store.reserve(hold("a*9"), Quota(daily=4), NOW)[0] is None
        assert taken(any_store) == (0, 0)

    def test_consumers_do_not_share(self, any_store: Store) -> None:
        any_store.reserve(hold("a"), Quota(daily=1), NOW)
        assert any_store.reserve(hold("a", consumer="other"), Quota(daily=1), NOW)[0] is not None

    def test_the_next_day_has_its_own_quota_and_the_same_month(self, any_store: Store) -> None:
        quota = Quota(daily=2, monthly=3)
        first, second, third = (date(2026, 3, day) for day in (1, 2, 9))
        for name in ("a", "b"):
            any_store.reserve(hold(name, first), quota, NOW)
        assert any_store.reserve(hold("c", first), quota, NOW)[0] is None
        assert any_store.reserve(hold("c", second), quota, NOW)[1] == QuotaUsage(1, 3)
        assert any_store.reserve(hold("d", second), quota, NOW)[0] is None
        assert any_store.reserve(hold("e", third), quota, NOW) == (None, QuotaUsage(0, 3))

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            (date(2028, 2, 29), date(2028, 3, 1)),
            (date(2027, 2, 28), date(2027, 3, 1)),
            (date(2026, 12, 31), date(2027, 1, 1)),
        ],
    )
    def test_a_new_month_begins_with_nothing(
        self, any_store: Store, before: date, after: date
    ) -> None:
        any_store.reserve(hold("a*3", before), Quota(monthly=3), NOW)
        assert any_store.reserve(hold("b", before), Quota(monthly=3), NOW)[0] is None
        assert any_store.reserve(hold("c", after), Quota(monthly=3), NOW)[1] == QuotaUsage(1, 1)


class TestSettleAndRelease:
    def test_settled_is_counted_once(self, any_store: Store) -> None:
        any_store.reserve(hold("a*2"), UNLIMITED, NOW)
        assert any_store.settle(hold("a*2"), LABEL) is True
        assert any_store.settle(hold("a*2"), LABEL) is False
        assert any_store.release(hold("a*2")) is False
        assert taken(any_store) == (2, 2)
        assert any_store.usage("acme", DAY, DAY) == [UsageRow("acme", DAY, LABEL, 2)]

    def test_released_is_free_again(self, any_store: Store) -> None:
        any_store.reserve(hold("a"), Quota(daily=1), NOW)
        assert any_store.release(hold("a")) is True
        assert any_store.release(hold("a")) is False
        assert any_store.settle(hold("a"), LABEL) is False
        assert any_store.reserve(hold("b"), Quota(daily=1), NOW)[0] is not None
        assert any_store.usage("acme", DAY, DAY) == []

    def test_nothing_to_settle_on_a_day_that_never_was(self, any_store: Store) -> None:
        assert any_store.settle(hold("a"), LABEL) is False
        assert any_store.release(hold("a")) is False

    def test_units_released_on_an_earlier_day_are_free_in_the_month(self, any_store: Store) -> None:
        first, second = date(2026, 3, 1), date(2026, 3, 2)
        quota = Quota(monthly=2)
        any_store.reserve(hold("a*2", first), quota, NOW)
        assert any_store.reserve(hold("b", second), quota, NOW)[0] is None
        any_store.release(hold("a*2", first))
        assert any_store.reserve(hold("b", second), quota, NOW)[1] == QuotaUsage(1, 1)

    def test_a_hold_of_the_day_before_is_counted_to_its_day(self, any_store: Store) -> None:
        first, second = date(2026, 3, 1), date(2026, 3, 2)
        any_store.reserve(hold("a", first), UNLIMITED, NOW)
        any_store.reserve(hold("b", second), UNLIMITED, NOW)
        assert any_store.settle(hold("a", first), LABEL)
        assert any_store.settle(hold("b", second), LABEL)
        assert [(row.day, row.images) for row in any_store.usage("acme", first, second)] == [
            (first, 1),
            (second, 1),
        ]

    def test_usage_is_by_day_and_label(self, any_store: Store) -> None:
        labels = [
            LABEL,
            replace(LABEL, tariff=Tariff("small", 5)),
            replace(LABEL, tariff=Tariff("small", 10**12)),
            Label("k_1", "memories.ai", 1024),
            Label("k_2", "pixlab", 512),
        ]
        for number, label in enumerate(labels):
            any_store.reserve(hold(f"h{number}"), UNLIMITED, NOW)
            any_store.settle(hold(f"h{number}"), label)
        rows = any_store.usage("acme", DAY, DAY)
        assert {row.label: row.images for row in rows} == dict.fromkeys(labels, 1)
        assert any_store.usage("acme", date(2028, 3, 1), date(2028, 3, 31)) == []
        assert any_store.usage("nobody", DAY, DAY) == []


class TestExpiry:
    def test_a_hold_past_its_time_is_told_by_whoever_reads(self, any_store: Store) -> None:
        dead, live = hold("a", expires=NOW), hold("b", expires=NOW + 1)
        any_store.reserve(dead, UNLIMITED, NOW - 60)
        assert any_store.reserve(live, UNLIMITED, NOW)[1].expired == (dead,)
        assert any_store.quota_usage("acme", DAY, NOW).expired == (dead,)
        assert list(any_store.expired_reservations("acme", DAY, DAY, NOW)) == [dead]
        assert list(any_store.expired_reservations("acme", DAY, DAY, NOW - 1)) == []

    def test_one_refused_is_told_of_what_the_dead_hold(self, any_store: Store) -> None:
        dead = hold("a*2", expires=NOW)
        any_store.reserve(dead, Quota(daily=2), NOW - 60)
        assert any_store.reserve(hold("b"), Quota(daily=2), NOW) == (
            None,
            QuotaUsage(2, 2, (dead,)),
        )

    def test_also_of_an_earlier_day_of_the_month(self, any_store: Store) -> None:
        first, second = date(2026, 3, 1), date(2026, 3, 2)
        dead = hold("a*2", first, expires=NOW)
        any_store.reserve(dead, Quota(monthly=2), NOW - 60)
        refused, standing = any_store.reserve(hold("b", second), Quota(monthly=2), NOW)
        assert (refused, standing.expired) == (None, (dead,))


class TestParallel:
    def test_of_many_threads_as_many_get_through_as_there_are_units(self, any_store: Store) -> None:
        def ask(number: int) -> bool:
            granted, _ = any_store.reserve(hold(f"h{number}"), Quota(daily=25, monthly=40), NOW)
            return granted is not None and any_store.settle(granted, LABEL)

        with ThreadPoolExecutor(16) as pool:
            answered = sum(pool.map(ask, range(100)))
        assert answered == 25
        assert [row.images for row in any_store.usage("acme", DAY, DAY)] == [25]

    def test_a_day_is_opened_once_by_many(self, any_store: Store) -> None:
        first, second = date(2026, 3, 1), date(2026, 3, 2)
        any_store.reserve(hold("before*3", first), UNLIMITED, NOW)
        with ThreadPoolExecutor(16) as pool:
            done = pool.map(
                lambda n: any_store.reserve(hold(f"h{n}", second), UNLIMITED, NOW), range(32)
            )
            assert all(granted is not None for granted, _ in done)
        assert taken(any_store, second) == (32, 35)


CLAIM = IdempotencyRecord(
    name="name",
    fingerprint="/imgembed abc",
    content="c" * 64,
    revision="r" * 64,
    reservation=hold("name/one"),
    label=LABEL,
    kept=NOW + 3600,
)
OTHER = replace(CLAIM, reservation=hold("name/two"), content="d" * 64)


class TestClaims:
    def test_kept_as_given(self, any_store: Store) -> None:
        assert any_store.find_record("acme", "name") is None
        assert any_store.add_record(CLAIM, NOW) is True
        assert any_store.find_record("acme", "name") == CLAIM
        assert any_store.find_record("other", "name") is None

    def test_a_name_is_claimed_once(self, any_store: Store) -> None:
        any_store.add_record(CLAIM, NOW)
        assert any_store.add_record(OTHER, NOW) is False
        assert any_store.find_record("acme", "name") == CLAIM

    def test_replaced_only_if_it_is_as_it_was(self, any_store: Store) -> None:
        settled = replace(CLAIM, settled=True)
        any_store.add_record(CLAIM, NOW)
        assert any_store.replace_record(settled, OTHER) is False
        assert any_store.replace_record(CLAIM, settled) is True
        assert any_store.replace_record(CLAIM, OTHER) is False
        assert any_store.find_record("acme", "name") == settled
        assert any_store.replace_record(settled, OTHER) is True
        assert any_store.find_record("acme", "name") == OTHER

    def test_deleted_only_if_it_is_as_it_was(self, any_store: Store) -> None:
        any_store.add_record(CLAIM, NOW)
        assert any_store.delete_record(OTHER) is False
        assert any_store.delete_record(replace(CLAIM, settled=True)) is False
        assert any_store.delete_record(CLAIM) is True
        assert any_store.delete_record(CLAIM) is False
        assert any_store.find_record("acme", "name") is None

    @pytest.mark.parametrize(
        "move",
        [
            pytest.param(lambda s, n: s.add_record(attempt(n), NOW), id="add"),
            pytest.param(lambda s, n: s.replace_record(CLAIM, attempt(n)), id="replace"),
        ],
    )
    def test_of_many_at_once_one_succeeds(
        self, any_store: Store, move: Callable[[Store, int], bool]
    ) -> None:
        any_store.add_record(replace(CLAIM, name="other"), NOW)
        if move(any_store, 99) is False:
            any_store.add_record(CLAIM, NOW)
        else:
            any_store.delete_record(attempt(99))
        with ThreadPoolExecutor(16) as pool:
            assert sum(pool.map(lambda n: move(any_store, n), range(32))) == 1


def attempt(number: int) -> IdempotencyRecord:
    return replace(CLAIM, reservation=hold(f"name/{number}"))
