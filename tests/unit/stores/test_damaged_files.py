"""Files that cannot be used are refused at the start, in a sentence with the fix."""

import os
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from imgvec.assets.ports import Asset
from imgvec.errors import StoreError
from imgvec.stores.sqlite import FILE_NAME, SqliteStore

NOBODY = 65534


@contextmanager
def without_privileges() -> Iterator[None]:
    """Give up root for a while, where the tests run as root: modes do not bind root."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder below none that is closed to others, as those of pytest are."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)
        Path(name).chmod(0o700)


def refusal(folder: Path) -> str:
    with pytest.raises(StoreError) as caught:
        SqliteStore(folder).close()
    sentence = str(caught.value)
    assert str(folder / FILE_NAME) in sentence
    return sentence


def fill(folder: Path, rows: int) -> Path:
    with closing(SqliteStore(folder)) as store:
        for number in range(rows):
            store.add_asset(Asset(f"re_{number}", "acme", "x" * 200, "SUCCESS", 1, 1.0, 1.0))
    return folder / FILE_NAME


def test_no_sqlite_file(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"Dear diary, " * 1000)
    assert "it is no SQLite file" in refusal(tmp_path)


def test_a_truncated_file(tmp_path: Path) -> None:
    path = fill(tmp_path, rows=200)
    os.truncate(path, path.stat().st_size // 2)
    assert "it is damaged; restore it from a backup" in refusal(tmp_path)


def test_a_file_with_a_hole_in_the_middle(tmp_path: Path) -> None:
    path = fill(tmp_path, rows=200)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(bytes(8192))
    assert "it is damaged; restore it from a backup" in refusal(tmp_path)


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    assert "it cannot be opened" in refusal(tmp_path)


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    assert "cannot be created: File exists" in refusal(tmp_path / "data")


def test_a_file_that_may_only_be_read(shared_folder: Path) -> None:
    fill(shared_folder, rows=1).chmod(0o444)
    shared_folder.chmod(0o777)
    with without_privileges():
        assert "it cannot be written; check the owner and mode" in refusal(shared_folder)


def test_a_file_in_a_folder_that_may_only_be_read(shared_folder: Path) -> None:
    fill(shared_folder, rows=1).chmod(0o666)
    shared_folder.chmod(0o555)
    with without_privileges():
        assert "check " in refusal(shared_folder)


def test_a_folder_that_may_not_be_written(shared_folder: Path) -> None:
    shared_folder.chmod(0o555)
    with without_privileges():
        said = refusal(shared_folder)
        assert "cannot be created: Permission denied. Set IMGVEC_DATA to a folder that " in said


def test_a_file_that_is_locked_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imgvec.stores.sqlite.database.BUSY_SECONDS", 0.05)
    path = fill(tmp_path, rows=1)
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        assert "another process holds it locked" in refusal(tmp_path)


def test_a_new_file_that_another_process_is_making_is_waited_for(tmp_path: Path) -> None:
    """Before the write-ahead log is on, SQLite refuses at once where it waits otherwise."""
    maker = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None, check_same_thread=False)
    with closing(maker):
        maker.execute("BEGIN IMMEDIATE")
        maker.execute("PRAGMA user_version = 0")

        def finish() -> None:
            time.sleep(0.2)
            maker.execute("COMMIT")

        finishing = threading.Thread(target=finish)
        finishing.start()
        with closing(SqliteStore(tmp_path)) as store:
            assert store.list_keys() == []
        finishing.join()


def test_a_disk_that_fills_up_is_told_and_undoes_only_the_last_write(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        with store._database.connection() as connection:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {pages}")
        big = Asset("re_big", "acme", "x" * 100_000, "SUCCESS", 1, 1.0, 1.0)
        small = Asset("re_small", "acme", "x", "SUCCESS", 1, 1.0, 1.0)
        with pytest.raises(StoreError, match="the disk is full; make room"):
            store.add_asset(big)
        store.add_asset(small)
        assert store.get_asset("re_big") is None
        assert store.get_asset("re_small") == small
