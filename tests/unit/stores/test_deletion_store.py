"""The steps of a consumer's deletion, over both stores."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from imgvec.accounts.deletion import KEPT, is_active, kept_name
from imgvec.accounts.ports import Label, Reservation
from imgvec.accounts.prices import Tariff
from imgvec.accounts.registry import check_name
from imgvec.errors import ConsumerError
from imgvec.stores import Store
from imgvec.types import UNLIMITED, Consumer, Plan

DAYS = (date(2026, 11, 29), date(2026, 11, 30))
LABELS = [Label("k_1", "pixlab", 512), Label("k_1", "pixlab", 512, Tariff("small", 5))]
KEPT_AS = "acme~2026-11-30-abcdef"
NAMES = iter(range(10**6))


def count(store: Store, day: date, label: Label, units: int, consumer: str = "acme") -> None:
    """Count images."""
    hold = Reservation(consumer, f"h{next(NAMES)}*{units}", day, 1e12)
    granted, _ = store.reserve(hold, UNLIMITED, 0.0)
    assert granted is not None
    assert store.settle(granted, label)


def counts(store: Store, consumer: str) -> dict[tuple[date, Label], int]:
    """Counted images."""
    return {(row.day, row.label): row.images for row in store.usage(consumer, *DAYS)}


def test_a_kept_name_can_be_given_to_nobody() -> None:
    name = kept_name("acme", DAYS[0])
    assert name.startswith(f"acme{KEPT}2026-11-29-")
    assert kept_name("acme", DAYS[0]) != name
    with pytest.raises(ConsumerError):
        check_name(name, "consumer")


class TestMark:
    def test_the_first_one_stays(self, any_store: Store) -> None:
        any_store.add_consumer("acme")
        assert any_store.begin_deletion("acme", KEPT_AS) == KEPT_AS
        assert any_store.begin_deletion("acme", "acme~other") == KEPT_AS
        (consumer,) = any_store.list_consumers()
        assert consumer == Consumer("acme", None, KEPT_AS)
        assert not is_active(consumer)

    def test_a_plan_does_not_remove_it(self, any_store: Store) -> None:
        any_store.put_plan(Plan("small"))
        any_store.add_consumer("acme")
        any_store.begin_deletion("acme", KEPT_AS)
        any_store.assign_plan("acme", "small")
        any_store.add_consumer("acme")
        assert list(any_store.list_consumers()) == [Consumer("acme", "small", KEPT_AS)]
        assert any_store.find_consumer("acme") == Consumer("acme", "small", KEPT_AS)

    def test_the_end_leaves_a_consumer_for_the_usage_that_is_kept(self, any_store: Store) -> None:
        for name in ("acme", "gone"):
            any_store.add_consumer(name)
        for _ in range(2):
            any_store.end_deletion("acme", KEPT_AS)
            any_store.end_deletion("gone", None)
        (kept,) = any_store.list_consumers()
        assert kept == Consumer(KEPT_AS)
        assert not is_active(kept)


class TestUsage:
    @pytest.fixture(autouse=True)
    def _counted(self, any_store: Store) -> Iterator[None]:
        for day in DAYS:
            for label in LABELS:
                count(any_store, day, label, 3)
            count(any_store, day, LABELS[0], 1, "other")
        yield
        assert sum(counts(any_store, "other").values()) == 2

    def test_moved(self, any_store: Store) -> None:
        before = counts(any_store, "acme")
        any_store.keep_usage("acme", KEPT_AS)
        assert counts(any_store, "acme") == {}
        assert counts(any_store, KEPT_AS) == before
        assert sum(before.values()) == 12
        assert any_store.quota_usage("acme", DAYS[1], 0.0).month == 0

    def test_counts_that_came_later_are_added(self, any_store: Store) -> None:
        any_store.keep_usage("acme", KEPT_AS)
        count(any_store, DAYS[1], LABELS[1], 4)
        any_store.keep_usage("acme", KEPT_AS)
        any_store.keep_usage("acme", KEPT_AS)
        assert counts(any_store, KEPT_AS)[DAYS[1], LABELS[1]] == 7
        assert sum(counts(any_store, KEPT_AS).values()) == 16

    def test_counts_of_that_moment_are_not_lost(self, any_store: Store) -> None:
        def more(number: int) -> bool:
            hold = Reservation("acme", f"more{number}", DAYS[1], 1e12)
            any_store.reserve(hold, UNLIMITED, 0.0)
            # False where the reservation has gone with the day.
            return any_store.settle(hold, LABELS[0])

        with ThreadPoolExecutor(4) as pool:
            settled = pool.map(more, range(20))
            any_store.keep_usage("acme", KEPT_AS)
            later = sum(settled)
        any_store.keep_usage("acme", KEPT_AS)
        assert sum(counts(any_store, KEPT_AS).values()) == 12 + later

    def test_reservations_go_with_it(self, any_store: Store) -> None:
        hold = Reservation("acme", "h", DAYS[1], 1e12)
        any_store.reserve(hold, UNLIMITED, 0.0)
        any_store.keep_usage("acme", KEPT_AS)
        assert any_store.expired_reservations("acme", *DAYS, 2e12) == []
        assert any_store.expired_reservations(KEPT_AS, *DAYS, 2e12) == []

    def test_deleted(self, any_store: Store) -> None:
        for _ in range(2):
            any_store.delete_usage("acme")
            assert counts(any_store, "acme") == {}
