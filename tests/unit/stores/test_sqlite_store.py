"""What the SQLite store keeps, over real files."""

import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from imgvec.accounts.ports import KeyRecord, Label, Reservation, UsageRow
from imgvec.assets.ports import Asset
from imgvec.errors import StoreError
from imgvec.stores import Store
from imgvec.stores.sqlite import FILE_NAME, SqliteStore
from imgvec.stores.sqlite.database import Database
from imgvec.stores.sqlite.schema import MIGRATIONS
from imgvec.types import UNLIMITED

KEY = KeyRecord(key_id="k_1", consumer="acme", digest="d1", created=10.25)
DAY = date(2026, 2, 28)
HOLD = Reservation("acme", "h*3", DAY, expires=100.0)
LABEL = Label("k_1", "pixlab", 512)
ASSET = Asset("re_1", "acme", "cät.png", "WAITING", 0, 100.5, 100.5, upload_token="t1")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(tmp_path)) as store:
        yield store


def test_it_is_a_store(store: SqliteStore) -> None:
    whole: Store = store
    assert (whole.list_keys(), whole.expired_assets(1e12, 9)) == ([], [])


class TestKeys:
    def test_found_by_digest_only(self, store: SqliteStore) -> None:
        store.add_key(KEY)
        assert store.find_key("d1") == KEY
        assert store.find_key("D1") is None
        assert store.find_key("k_1") is None

    def test_listed_oldest_first(self, store: SqliteStore) -> None:
        newer = KeyRecord("k_2", "acme", "d2", created=20.0)
        oldest = KeyRecord("k_3", "other", "d3", created=5.0, revoked=6.0)
        for record in (newer, KEY, oldest):
            store.add_key(record)
        assert store.list_keys() == [oldest, KEY, newer]

    @pytest.mark.parametrize(
        "twin",
        [
            pytest.param(replace(KEY, digest="other"), id="same-id"),
            pytest.param(replace(KEY, key_id="other"), id="same-digest"),
        ],
    )
    def test_no_two_are_alike(self, store: SqliteStore, twin: KeyRecord) -> None:
        store.add_key(KEY)
        with pytest.raises(StoreError):
            store.add_key(twin)
        assert store.list_keys() == [KEY]

    def test_revoked_once_and_for_good(self, store: SqliteStore) -> None:
        store.add_key(KEY)
        assert store.revoke_key("k_1", 50.0) is True
        assert store.revoke_key("k_1", 60.0) is False
        assert store.revoke_key("k_2", 60.0) is False
        assert store.find_key("d1") == replace(KEY, revoked=50.0)


class TestAssets:
    def test_kept_as_given(self, store: SqliteStore) -> None:
        store.add_asset(ASSET)
        other = replace(ASSET, asset_id="re_2", status="SUCCESS", size=2**40, upload_token=None)
        store.add_asset(other)
        assert store.get_asset("re_1") == ASSET
        assert store.get_asset("re_2") == other
        assert store.get_asset("re_3") is None

    def test_an_id_is_given_once(self, store: SqliteStore) -> None:
        store.add_asset(ASSET)
        with pytest.raises(StoreError):
            store.add_asset(replace(ASSET, consumer="thief"))
        assert store.get_asset("re_1") == ASSET

    def test_moves_only_from_the_status_it_has(self, store: SqliteStore) -> None:
        store.add_asset(ASSET)
        assert store.move_asset("re_1", "WAITING", "UPLOADING", size=0, when=101.0) is True
        assert store.move_asset("re_1", "WAITING", "UPLOADING", size=0, when=102.0) is False
        assert store.move_asset("re_1", "UPLOADING", "SUCCESS", size=5, when=103.0) is True
        assert store.move_asset("re_2", "WAITING", "UPLOADING", size=0, when=104.0) is False
        expected = replace(ASSET, status="SUCCESS", size=5, modified=103.0)
        assert store.get_asset("re_1") == expected

    def test_moving_one_leaves_the_others(self, store: SqliteStore) -> None:
        other = replace(ASSET, asset_id="re_2")
        store.add_asset(ASSET)
        store.add_asset(other)
        store.move_asset("re_1", "WAITING", "UPLOADING", size=0, when=101.0)
        assert store.get_asset("re_2") == other

    def test_deleted_once(self, store: SqliteStore) -> None:
        store.add_asset(ASSET)
        store.add_asset(replace(ASSET, asset_id="re_2"))
        assert store.delete_asset("re_1") is True
        assert store.delete_asset("re_1") is False
        assert store.get_asset("re_1") is None
        assert store.get_asset("re_2") is not None

    def test_what_is_old_and_unfinished_has_expired(self, store: SqliteStore) -> None:
        waiting = replace(ASSET, created=10.0)
        uploading = replace(ASSET, asset_id="re_2", status="UPLOADING", created=11.0)
        failed = replace(ASSET, asset_id="re_3", status="FAILED", created=12.0)
        finished = replace(ASSET, asset_id="re_4", status="SUCCESS", created=10.0)
        young = replace(ASSET, asset_id="re_5", created=20.0)
        for asset in (waiting, uploading, failed, finished, young):
            store.add_asset(asset)
        assert store.expired_assets(20.0, 2) == [waiting, uploading]
        expired = store.expired_assets(20.0, 9)
        assert {asset.asset_id: asset for asset in expired} == {
            "re_1": waiting,
            "re_2": uploading,
            "re_3": failed,
        }


class TestFile:
    def test_a_restart_forgets_nothing(self, tmp_path: Path) -> None:
        with closing(SqliteStore(tmp_path)) as store:
            store.add_key(KEY)
            store.reserve(HOLD, UNLIMITED, now=0.0)
            store.settle(HOLD, LABEL)
            store.revoke_key("k_1", 50.0)
            store.add_asset(ASSET)
        with closing(SqliteStore(tmp_path)) as store:
            assert store.list_keys() == [replace(KEY, revoked=50.0)]
            assert store.usage("acme", DAY, DAY) == [UsageRow("acme", DAY, LABEL, 3)]
            assert store.get_asset("re_1") == ASSET

    def test_only_the_owner_may_look(self, tmp_path: Path) -> None:
        folder = tmp_path / "new" / "data"
        with closing(SqliteStore(folder)) as store:
            store.add_key(KEY)
            files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert files[FILE_NAME] == 0o600
        assert set(files.values()) == {0o600}

    def test_closing_leaves_one_file_and_no_lock(self, tmp_path: Path) -> None:
        store = SqliteStore(tmp_path)
        store.add_key(KEY)
        store.close()
        store.close()
        assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]

    def test_a_late_count_is_kept_and_leaves_nothing_open(self, tmp_path: Path) -> None:
        store = SqliteStore(tmp_path)
        store.add_key(KEY)
        store.close()
        store.reserve(HOLD, UNLIMITED, now=0.0)
        store.settle(HOLD, LABEL)
        assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
        with closing(SqliteStore(tmp_path)) as again:
            assert again.usage("acme", DAY, DAY) == [UsageRow("acme", DAY, LABEL, 3)]

    def test_a_write_is_synced_at_commit_unless_said_otherwise(self, tmp_path: Path) -> None:
        """SQLite's own word on what a connection does at commit: 1 is NORMAL, 2 is FULL."""
        levels = []
        with closing(Database(tmp_path / FILE_NAME, MIGRATIONS)) as database:
            with database.connection(synchronous="NORMAL") as connection:
                levels.append(connection.execute("PRAGMA synchronous").fetchone())
            with database.connection() as connection:
                levels.append(connection.execute("PRAGMA synchronous").fetchone())
                mode = connection.execute("PRAGMA journal_mode").fetchone()
        assert levels == [(1,), (2,)]
        assert mode == ("wal",)
