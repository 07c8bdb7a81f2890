"""Keys, plans, consumers, actions and assets, on both stores."""

from dataclasses import replace

import pytest

from imgvec.accounts.ports import Action, KeyRecord
from imgvec.assets.ports import UNFINISHED_SECONDS, Asset
from imgvec.errors import StoreError
from imgvec.stores import Store
from imgvec.stores.dynamodb import DynamoStore
from imgvec.types import Consumer, Plan, Quota

KEY = KeyRecord("k_1", "acme", "d1", created=10.25)
ASSET = Asset("re_1", "acme", "cät.png", "WAITING", 0, 100.5, 100.5, upload_token="t1")


class TestKeys:
    def test_kept_as_given(self, any_store: Store) -> None:
        other = KeyRecord("k_2", "b", "d2", 5.0, revoked=6.0, expires=7.5, disabled=8.0, used=9.0)
        any_store.add_key(KEY)
        any_store.add_key(other)
        assert any_store.find_key("d1") == KEY
        assert any_store.find_key("d2") == other
        assert any_store.find_key("d3") is None
        assert list(any_store.list_keys()) == [other, KEY]

    def test_a_digest_is_given_once(self, any_store: Store) -> None:
        any_store.add_key(KEY)
        with pytest.raises(StoreError):
            any_store.add_key(replace(KEY, key_id="k_2"))
        assert any_store.find_key("d1") == KEY

    def test_changes(self, any_store: Store) -> None:
        any_store.add_key(KEY)
        assert any_store.disable_key("k_1", 20.0) is True
        assert any_store.expire_key("k_1", 99.0) is True
        assert any_store.find_key("d1") == replace(KEY, disabled=20.0, expires=99.0)
        assert any_store.disable_key("k_1", None) is True
        assert any_store.find_key("d1") == replace(KEY, expires=99.0)

    def test_a_revoked_key_does_not_change(self, any_store: Store) -> None:
        any_store.add_key(KEY)
        assert any_store.revoke_key("k_1", 50.0) is True
        assert any_store.revoke_key("k_1", 60.0) is False
        assert any_store.disable_key("k_1", 60.0) is False
        assert any_store.disable_key("k_1", None) is False
        assert any_store.expire_key("k_1", 60.0) is False
        assert any_store.find_key("d1") == replace(KEY, revoked=50.0)

    def test_an_unknown_key_does_not_change(self, any_store: Store) -> None:
        assert any_store.revoke_key("k_1", 1.0) is False
        assert any_store.disable_key("k_1", 1.0) is False
        assert any_store.expire_key("k_1", 1.0) is False
        any_store.touch_key("d1", 100.0, 40.0)
        assert list(any_store.list_keys()) == []

    def test_use_is_noted_unless_it_just_was(self, any_store: Store) -> None:
        any_store.add_key(KEY)
        used = []
        for when in (100.0, 130.0, 160.0):
            any_store.touch_key("d1", when, when - 60)
            record = any_store.find_key("d1")
            used.append(record and record.used)
        assert used == [100.0, 100.0, 160.0]


class TestPlans:
    def test_kept_as_given(self, any_store: Store) -> None:
        plans = [
            Plan("all", 0.5, 9, Quota(10, 100), frozenset({512, 1024}), True, 10**9, 10**6, 10**5),
            Plan("none"),
        ]
        for plan in reversed(plans):
            any_store.put_plan(plan)
        assert list(any_store.list_plans()) == plans

    def test_a_plan_is_replaced_for_all_who_have_it(self, any_store: Store) -> None:
        any_store.put_plan(Plan("small", quota=Quota(daily=1)))
        any_store.assign_plan("acme", "small")
        any_store.put_plan(Plan("small", rate=2.0))
        assert any_store.plan_of("acme") == Plan("small", rate=2.0)

    def test_consumers(self, any_store: Store) -> None:
        any_store.put_plan(Plan("small"))
        any_store.put_plan(Plan("large"))
        any_store.add_consumer("b")
        any_store.assign_plan("a", "small")
        any_store.assign_plan("a", "large")
        any_store.add_consumer("a")
        assert list(any_store.list_consumers()) == [Consumer("a", "large"), Consumer("b")]
        assert any_store.plan_of("a") == Plan("large")
        assert any_store.plan_of("b") is None
        assert any_store.plan_of("c") is None
        assert any_store.find_consumer("a") == Consumer("a", "large")
        assert any_store.find_consumer("c") is None

    def test_actions_stand_in_the_order_of_time(self, any_store: Store) -> None:
        done = [Action(9.0, "a", "keys create", "k_1"), Action(1e9 + 0.25, "b", "plans", "p")]
        for action in reversed(done):
            any_store.add_action(action)
        any_store.add_action(done[0])
        assert list(any_store.list_actions()) == [done[0], done[0], done[1]]


class TestAssets:
    def test_kept_as_given(self, any_store: Store) -> None:
        other = replace(ASSET, asset_id="re_2", status="SUCCESS", size=2**40, upload_token=None)
        any_store.add_asset(ASSET)
        any_store.add_asset(other)
        assert any_store.get_asset("re_1") == ASSET
        assert any_store.get_asset("re_2") == other
        assert any_store.get_asset("re_3") is None

    def test_an_id_is_given_once(self, any_store: Store) -> None:
        any_store.add_asset(ASSET)
        with pytest.raises(StoreError):
            any_store.add_asset(replace(ASSET, consumer="thief"))
        assert any_store.get_asset("re_1") == ASSET

    def test_moves_only_from_the_status_it_has(self, any_store: Store) -> None:
        any_store.add_asset(ASSET)
        move = any_store.move_asset
        assert move("re_1", "WAITING", "UPLOADING", size=0, when=101.0) is True
        assert move("re_1", "WAITING", "UPLOADING", size=0, when=102.0) is False
        assert move("re_1", "UPLOADING", "SUCCESS", size=5, when=103.0) is True
        assert move("re_2", "WAITING", "UPLOADING", size=0, when=104.0) is False
        expected = replace(ASSET, status="SUCCESS", size=5, modified=103.0)
        assert any_store.get_asset("re_1") == expected

    def test_deleted_once(self, any_store: Store) -> None:
        any_store.add_asset(ASSET)
        assert any_store.delete_asset("re_1") is True
        assert any_store.delete_asset("re_1") is False
        assert any_store.get_asset("re_1") is None

    def test_dynamodb_forgets_what_is_unfinished_by_itself(self, dynamo: DynamoStore) -> None:
        dynamo.add_asset(ASSET)
        table = dynamo._table
        item = table.get("asset re_1", "asset")
        assert item is not None
        assert item["ttl"] == 100 + UNFINISHED_SECONDS
        dynamo.move_asset("re_1", "WAITING", "SUCCESS", size=1, when=101.0)
        item = table.get("asset re_1", "asset")
        assert item is not None
        assert "ttl" not in item
        assert list(dynamo.expired_assets(1e12, 100)) == []


class TestDynamoDB:
    def test_a_table_that_is_not_there_is_told(self, dynamo: DynamoStore) -> None:
        with DynamoAt("no-such-table") as store, pytest.raises(StoreError, match="rejects"):
            store.find_key("d1")

    def test_no_answer_is_told(self, dynamo: DynamoStore, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9")
        with DynamoAt("no-such-table") as store, pytest.raises(StoreError, match="no answer"):
            store.find_key("d1")


class DynamoAt(DynamoStore):
    """A store to be used in a `with`."""

    def __enter__(self) -> "DynamoAt":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
