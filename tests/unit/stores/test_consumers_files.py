"""A consumer's bytes and unfinished uploads, counted by each store together with its files."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, cast

import pytest

from imgvec.assets.ports import UNFINISHED_SECONDS, Asset
from imgvec.assets.service import Assets
from imgvec.errors import AssetNotFound, StorageFull, StoreError, TooFast, TooLarge, TooManyUploads
from imgvec.stores import Store
from imgvec.stores.dynamodb.table import Table
from imgvec.stores.folder import FolderBlobs
from imgvec.types import Plan
from tests.support.accounts.failing_call import FAULTS, FailingOnce

WAITING = Asset("re_1", "acme", "a.png", "WAITING", 0, 100.5, 100.5)


def finished(store: Store, asset_id: str, size: int, storage: int | None = None) -> bool:
    """Add a file and finish it."""
    store.add_asset(replace(WAITING, asset_id=asset_id))
    return store.move_asset(asset_id, "WAITING", "SUCCESS", size=size, when=101.0, storage=storage)


class TestSums:
    def test_finished_files_count_until_they_leave(self, any_store: Store) -> None:
        any_store.add_asset(WAITING)
        any_store.move_asset("re_1", "WAITING", "UPLOADING", size=0, when=101.0)
        assert any_store.stored_bytes("acme") == 0
        assert any_store.move_asset("re_1", "UPLOADING", "SUCCESS", size=70, when=101.0)
        finished(any_store, "re_2", 30)
        assert (any_store.stored_bytes("acme"), any_store.stored_bytes("other")) == (100, 0)
        assert any_store.move_asset("re_1", "SUCCESS", "FAILED", size=0, when=102.0)
        assert any_store.stored_bytes("acme") == 30
        # The deletion is undone.
        assert any_store.move_asset("re_1", "FAILED", "SUCCESS", size=70, when=103.0)
        assert any_store.stored_bytes("acme") == 100

    def test_a_move_that_is_not_made_changes_no_sum(self, any_store: Store) -> None:
        finished(any_store, "re_1", 70)
        assert not any_store.move_asset("re_1", "WAITING", "SUCCESS", size=70, when=102.0)
        assert any_store.stored_bytes("acme") == 70

    @pytest.mark.parametrize(("last", "fits"), [(30, True), (31, False), (101, False)])
    def test_the_quota_is_the_last_byte_that_fits(
        self, any_store: Store, last: int, fits: bool
    ) -> None:
        assert finished(any_store, "re_1", 70, storage=100)
        if fits:
            assert finished(any_store, "re_2", last, storage=100)
            return
        with pytest.raises(StorageFull):
            finished(any_store, "re_2", last, storage=100)
        assert any_store.stored_bytes("acme") == 70
        waiting = any_store.get_asset("re_2")
        assert waiting is not None
        assert waiting.status == "WAITING"

    def test_of_files_that_end_together_only_as_many_as_fit(self, any_store: Store) -> None:
        ready = threading.Barrier(8)

        def end(number: int) -> bool:
            any_store.add_asset(replace(WAITING, asset_id=f"re_{number}"))
            ready.wait(30)
            try:
                return any_store.move_asset(
                    f"re_{number}", "WAITING", "SUCCESS", size=30, when=101.0, storage=100
                )
            except StorageFull:
                return False

        with ThreadPoolExecutor(8) as pool:
            ended = list(pool.map(end, range(8)))
        assert (sum(ended), any_store.stored_bytes("acme")) == (3, 90)


class TestUnfinished:
    def test_so_many_at_once(self, any_store: Store) -> None:
        for name in ("re_1", "re_2"):
            any_store.add_asset(replace(WAITING, asset_id=name), 2)
        with pytest.raises(TooManyUploads):
            any_store.add_asset(replace(WAITING, asset_id="re_3"), 2)
        assert any_store.get_asset("re_3") is None
        any_store.add_asset(replace(WAITING, asset_id="re_3", consumer="other"), 2)
        any_store.move_asset("re_1", "WAITING", "UPLOADING", size=0, when=101.0)
        with pytest.raises(TooManyUploads):
            any_store.add_asset(replace(WAITING, asset_id="re_4"), 2)
        any_store.move_asset("re_1", "UPLOADING", "FAILED", size=0, when=101.0)
        any_store.add_asset(replace(WAITING, asset_id="re_4"), 2)

    def test_expired_ones_do_not_count(self, any_store: Store) -> None:
        any_store.add_asset(WAITING, 1)
        later = WAITING.created + UNFINISHED_SECONDS
        any_store.add_asset(replace(WAITING, asset_id="re_2", created=later), 1)

    def test_of_those_that_begin_together_only_as_many_as_may(self, any_store: Store) -> None:
        def begin(number: int) -> bool:
            try:
                any_store.add_asset(replace(WAITING, asset_id=f"re_{number}"), 3)
            except TooManyUploads:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(begin, range(16))) == 3


def test_files_of_a_consumer_are_listed_oldest_first(any_store: Store) -> None:
    older = replace(WAITING, asset_id="re_9", created=50.0)
    for asset in (WAITING, older, replace(WAITING, asset_id="re_2", consumer="other")):
        any_store.add_asset(asset)
    assert list(any_store.list_assets("acme")) == [older, WAITING]
    assert list(any_store.list_assets("nobody")) == []


@pytest.fixture
def blobs(tmp_path_factory: pytest.TempPathFactory) -> FolderBlobs:
    return FolderBlobs(tmp_path_factory.mktemp("blobs"))


def assets_of(store: object, blobs: FolderBlobs, plan: Plan) -> Assets:
    return Assets(cast(Store, store), blobs, max_bytes=1000, plan_of=lambda consumer: plan)


class TestPlans:
    PLAN = Plan("p", storage=100)

    def test_an_upload_is_rejected_before_and_after_its_bytes(
        self, any_store: Store, blobs: FolderBlobs
    ) -> None:
        assets = assets_of(any_store, blobs, self.PLAN)
        assets.upload("acme", "a", bytes(60), "re_1")
        with pytest.raises(StorageFull):
            assets.upload("acme", "b", bytes(41), "re_2")
        assert any_store.get_asset("re_2") is None
        _, token = assets.reserve("acme", "c", "re_3")
        with pytest.raises(StorageFull):
            assets.receive("re_3", token, [bytes(41)])
        assert assets.find("acme", "re_3").status == "FAILED"
        assert blobs.read("re_3") is None
        assets.upload("acme", "d", bytes(40), "re_4")
        with pytest.raises(StorageFull):
            assets.reserve("acme", "e", "re_5")
        assets.delete("acme", "re_1")
        assert any_store.stored_bytes("acme") == 40
        assets.reserve("acme", "e", "re_5")

    def test_a_file_has_the_smaller_of_both_limits(
        self, any_store: Store, blobs: FolderBlobs
    ) -> None:
        assets = assets_of(any_store, blobs, Plan("p", max_bytes=10))
        _, token = assets.reserve("acme", "a", "re_1")
        with pytest.raises(TooLarge):
            assets.receive("re_1", token, [bytes(11)])
        with pytest.raises(TooLarge):
            assets.upload("acme", "a", bytes(11), "re_2")
        assert assets.upload("acme", "a", bytes(10), "re_2").size == 10
        wide = assets_of(any_store, blobs, Plan("p", max_bytes=10**6))
        with pytest.raises(TooLarge):
            wide.upload("acme", "a", bytes(1001), "re_3")

    @pytest.mark.parametrize("fault", FAULTS)
    @pytest.mark.parametrize("method", ["add_asset", "move_asset", "get_asset", "delete_asset"])
    def test_whatever_fails_the_sum_is_that_of_the_files(
        self, any_store: Store, blobs: FolderBlobs, fault: str, method: str
    ) -> None:
        failing = assets_of(FailingOnce(any_store, method, fault), blobs, self.PLAN)
        good = assets_of(any_store, blobs, self.PLAN)
        if method != "delete_asset":
            with pytest.raises((StoreError, TooFast)):
                failing.upload("acme", "a", bytes(60), "re_1")
        else:
            good.upload("acme", "a", bytes(60), "re_1")
            with pytest.raises((StoreError, TooFast)):
                failing.delete("acme", "re_1")
        with pytest.raises(AssetNotFound):
            good.read("acme", "re_1")
        assert any_store.stored_bytes("acme") == 0
        good.upload("acme", "b", bytes(100), "re_2")


class Conflicts:
    """boto3's client where another transaction is in the way some times."""

    def __init__(self, times: int) -> None:
        self.left = times

    def transact_write_items(self, **_: object) -> dict[str, object]:
        from botocore.exceptions import ClientError

        if not self.left:
            return {}
        self.left -= 1
        answer: Any = {
            "Error": {"Code": "TransactionCanceledException", "Message": ""},
            "CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict"}],
        }
        raise ClientError(answer, "TransactWriteItems")


@pytest.fixture
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imgvec.stores.dynamodb.table.time.sleep", lambda seconds: None)


@pytest.mark.usefixtures("_no_waiting")
def test_a_transaction_that_meets_another_is_tried_again() -> None:
    assert Table(cast(Any, Conflicts(3)), "t").transact() == []
    with pytest.raises(TooFast):
        Table(cast(Any, Conflicts(10**6)), "t").transact()
