"""Writes of two steps whose second call fails: what the first has written is taken back.

Over each store, and for each way to fail: refused, throttled, and written without an answer. The
failing call is made up; the stores are real.
"""

from typing import Final, cast

import pytest

from imgvec.accounts.idempotency import IdempotentMeter
from imgvec.accounts.keys import digest
from imgvec.accounts.metering import RESERVED_SECONDS
from imgvec.accounts.ports import KeyRecord
from imgvec.accounts.registry import Registry
from imgvec.assets.ports import BlobStore
from imgvec.assets.service import Assets
from imgvec.errors import AssetNotFound, StoreError, TooFast
from imgvec.stores import Store
from imgvec.stores.folder import FolderBlobs
from imgvec.types import Plan, Quota
from tests.support.accounts.failing_call import FAULTS, FailingOnce
from tests.support.accounts.meter_bench import Bench

FAILURES: Final = (StoreError, TooFast)
KEY: Final = "order-1"


@pytest.fixture(params=FAULTS)
def fault(request: pytest.FixtureRequest) -> str:
    """How the call fails."""
    return str(request.param)


@pytest.fixture
def bench(any_store: Store) -> Bench:
    """One image a day."""
    return Bench(any_store, Quota(daily=1))


def failing(store: object, method: str, fault: str, calls_before: int = 0) -> Store:
    return cast(Store, FailingOnce(store, method, fault, calls_before))


def meter_of(bench: Bench, method: str, fault: str, calls_before: int = 0) -> IdempotentMeter:
    """A process whose store fails once."""
    store = failing(bench.store, method, fault, calls_before)
    return IdempotentMeter(store, window=3600.0, clock=lambda: bench.now)


def assert_free(bench: Bench, key: str | None) -> None:
    """Nothing is taken, and the same request is answered and counted at once."""
    assert (bench.counted(), bench.taken()) == (0, 0)
    assert bench.answer(bench.charge(key)).reservation is not None
    assert bench.counted() == 1


@pytest.mark.parametrize("key", [None, KEY])
def test_a_reservation_that_fails(bench: Bench, fault: str, key: str | None) -> None:
    with pytest.raises(FAILURES):
        meter_of(bench, "reserve", fault).reserve(bench.charge(key))
    assert_free(bench, key)


def test_a_claim_that_fails(bench: Bench, fault: str) -> None:
    with pytest.raises(FAILURES):
        meter_of(bench, "add_record", fault).reserve(bench.charge(KEY))
    assert_free(bench, KEY)


@pytest.mark.parametrize("method", ["replace_record", "release", "reserve"])
def test_a_claim_of_the_dead_that_is_taken_over(bench: Bench, fault: str, method: str) -> None:
    assert bench.meter().reserve(bench.charge(KEY)) is not None
    bench.later(RESERVED_SECONDS)
    with pytest.raises(FAILURES):
        meter_of(bench, method, fault).reserve(bench.charge(KEY))
    assert_free(bench, KEY)


@pytest.mark.parametrize("method", ["replace_record", "reserve"])
def test_a_key_whose_content_has_changed_stands_for_what_it_did(
    bench: Bench, fault: str, method: str
) -> None:
    bench.quota = Quota()
    bench.answer(bench.charge(KEY))
    with pytest.raises(FAILURES):
        meter_of(bench, method, fault).reserve(bench.charge(KEY, content=b"other"))
    assert bench.answer(bench.charge(KEY)).reservation is None
    assert (bench.counted(), bench.taken()) == (1, 1)


def test_the_dead_that_cannot_be_put_right(bench: Bench, fault: str) -> None:
    bench.quota = Quota(daily=2)
    assert bench.meter().reserve(bench.charge()) is not None
    bench.later(RESERVED_SECONDS)
    with pytest.raises(FAILURES):
        meter_of(bench, "release", fault).reserve(bench.charge(KEY))
    assert_free(bench, KEY)


def test_a_settlement_that_fails_holds_no_unit(bench: Bench, fault: str) -> None:
    meter = meter_of(bench, "settle", fault)
    ticket = meter.reserve(bench.charge())
    assert ticket is not None
    with pytest.raises(FAILURES):
        meter.settle(ticket)
    # A settlement without an answer may have been one.
    assert bench.taken() == bench.counted() == FAULTS[fault][1]


@pytest.mark.parametrize("method", ["replace_record", "settle"])
def test_a_settlement_with_a_claim_is_counted_once(bench: Bench, fault: str, method: str) -> None:
    meter = meter_of(bench, method, fault)
    ticket = meter.reserve(bench.charge(KEY))
    assert ticket is not None
    with pytest.raises(FAILURES):
        meter.settle(ticket)
    assert bench.taken() == bench.counted()
    bench.answer(bench.charge(KEY))
    assert (bench.counted(), bench.taken()) == (1, 1)


def test_a_unit_that_cannot_be_given_back_locks_no_key(bench: Bench, fault: str) -> None:
    bench.quota = Quota(daily=2)
    meter = meter_of(bench, "release", fault)
    ticket = meter.reserve(bench.charge(KEY))
    assert ticket is not None
    with pytest.raises(FAILURES):
        meter.release(ticket)
    assert bench.answer(bench.charge(KEY)).reservation is not None
    bench.later(RESERVED_SECONDS)
    assert (bench.counted(), bench.taken()) == (1, 1)


@pytest.mark.parametrize("method", ["add_key", "assign_plan", "add_action"])
def test_a_key_that_is_not_shown_does_not_work(any_store: Store, fault: str, method: str) -> None:
    any_store.put_plan(Plan("small"))
    with pytest.raises(FAILURES):
        Registry(failing(any_store, method, fault), "root").create_key("acme", "small")
    assert [record for record in any_store.list_keys() if record.revoked is None] == []


def test_a_key_that_is_not_made_changes_no_plan(any_store: Store, fault: str) -> None:
    any_store.put_plan(Plan("small"))
    any_store.put_plan(Plan("large"))
    any_store.assign_plan("acme", "large")
    with pytest.raises(FAILURES):
        Registry(failing(any_store, "add_key", fault), "root").create_key("acme", "small")
    assert any_store.plan_of("acme") == Plan("large")


@pytest.mark.parametrize("expires", [None, 9e9])
@pytest.mark.parametrize("method", ["add_key", "expire_key", "add_action"])
def test_a_rotation_that_fails_leaves_the_old_key_as_it_was(
    any_store: Store, fault: str, method: str, expires: float | None
) -> None:
    old = KeyRecord("k_old", "acme", digest("old"), 1.0, expires=expires)
    any_store.add_consumer("acme")
    any_store.add_key(old)
    with pytest.raises(FAILURES):
        Registry(failing(any_store, method, fault), "root").rotate_key("k_old", 60.0)
    assert [record for record in any_store.list_keys() if record.revoked is None] == [old]


@pytest.fixture
def blobs(tmp_path_factory: pytest.TempPathFactory) -> FolderBlobs:
    return FolderBlobs(tmp_path_factory.mktemp("blobs"))


def assets_of(store: Store, blobs: object) -> Assets:
    return Assets(store, cast(BlobStore, blobs), max_bytes=1000)


@pytest.mark.parametrize("method", ["add_asset", "move_asset", "get_asset"])
def test_an_upload_that_fails_leaves_nothing(
    any_store: Store, blobs: FolderBlobs, fault: str, method: str
) -> None:
    store = failing(any_store, method, fault)
    with pytest.raises(FAILURES):
        assets_of(store, blobs).upload("acme", "a.png", b"bytes", "id")
    assert any_store.get_asset("id") is None
    assert blobs.read("id") is None


def test_an_address_that_is_not_given_leaves_nothing(
    any_store: Store, blobs: FolderBlobs, fault: str
) -> None:
    with pytest.raises(FAILURES):
        assets_of(failing(any_store, "add_asset", fault), blobs).reserve("acme", "a.png", "id")
    assert any_store.get_asset("id") is None


def test_an_upload_whose_bytes_fail_leaves_nothing(
    any_store: Store, blobs: FolderBlobs, fault: str
) -> None:
    with pytest.raises(FAILURES):
        assets_of(any_store, FailingOnce(blobs, "write", fault)).upload(
            "acme", "a.png", b"bytes", "id"
        )
    assert any_store.get_asset("id") is None
    assert blobs.read("id") is None


@pytest.mark.parametrize("method", ["write", "move_asset", "get_asset"])
def test_a_reserved_upload_can_be_sent_again(
    any_store: Store, blobs: FolderBlobs, fault: str, method: str
) -> None:
    # The first look and the first move are those of the attempt's beginning.
    store = failing(any_store, method, fault, calls_before=1)
    broken = FailingOnce(blobs, method, fault)
    good = assets_of(any_store, blobs)
    _, token = good.reserve("acme", "a.png", "id")
    with pytest.raises(FAILURES):
        assets_of(store, broken).receive("id", token, [b"bytes"])
    assert good.find("acme", "id").status in ("WAITING", "SUCCESS")
    if good.find("acme", "id").status == "WAITING":
        good.receive("id", token, [b"bytes"])
    assert good.read("acme", "id") == b"bytes"


def test_a_deletion_that_fails_can_be_repeated(
    any_store: Store, blobs: FolderBlobs, fault: str
) -> None:
    good = assets_of(any_store, blobs)
    good.upload("acme", "a.png", b"bytes", "id")
    with pytest.raises(FAILURES):
        assets_of(any_store, FailingOnce(blobs, "delete", fault)).delete("acme", "id")
    assert good.find("acme", "id").status == "SUCCESS"
    good.delete("acme", "id")
    with pytest.raises(AssetNotFound):
        good.find("acme", "id")
    assert blobs.read("id") is None
