"""Schema versions: forward from every old one, once, and never from a newer one."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from imgvec.accounts.ports import KeyRecord, Label, UsageRow
from imgvec.errors import StoreError
from imgvec.stores.sqlite import FILE_NAME, SqliteStore
from imgvec.stores.sqlite.schema import MIGRATIONS, Migration

LATER: tuple[Migration, ...] = (
    (
        "ALTER TABLE keys ADD COLUMN tier TEXT NOT NULL DEFAULT 'free'",
        "CREATE TABLE tiers (tier TEXT PRIMARY KEY)",
    ),
    ("INSERT INTO tiers SELECT DISTINCT tier FROM keys",),
)
KEY = KeyRecord("k_1", "acme", "d1", created=1.0)


def query(folder: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        return connection.execute(sql).fetchall()


def version(folder: Path) -> object:
    return query(folder, "PRAGMA user_version")[0][0]


def open_and_close(folder: Path, migrations: tuple[Migration, ...] = MIGRATIONS) -> None:
    SqliteStore(folder, migrations=migrations).close()


def test_an_empty_folder_gets_the_newest_schema(tmp_path: Path) -> None:
    open_and_close(tmp_path)
    assert version(tmp_path) == len(MIGRATIONS)


def test_an_empty_file_gets_the_newest_schema(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).touch()
    open_and_close(tmp_path)
    assert version(tmp_path) == len(MIGRATIONS)


@pytest.mark.parametrize("old", range(1, len(MIGRATIONS) + 1))
def test_every_old_version_goes_forward_with_what_it_holds(tmp_path: Path, old: int) -> None:
    open_and_close(tmp_path, MIGRATIONS[:old])
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection, connection:
        connection.execute(
            "INSERT INTO keys (key_id, consumer, digest, created) VALUES ('k_1', 'acme', 'd1', 1)"
        )
    with closing(SqliteStore(tmp_path, migrations=MIGRATIONS + LATER)) as store:
        assert store.list_keys() == [KEY]
    assert version(tmp_path) == len(MIGRATIONS) + 2
    assert query(tmp_path, "SELECT tier FROM tiers") == [("free",)]


def test_images_counted_before_prices_are_read_without_one(tmp_path: Path) -> None:
    open_and_close(tmp_path, MIGRATIONS[:2])
    day = date(2026, 11, 30)
    # Of a process that keeps the file open while another one migrates it.
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as old, closing(SqliteStore(tmp_path)):
        for _ in range(2):
            with old:
                old.execute(
                    "INSERT INTO counts (consumer, day, key_id, dialect, space, units)"
                    " VALUES ('acme', ?, 'k_1', 'pixlab', 512, 7)"
                    " ON CONFLICT DO UPDATE SET units = units + excluded.units",
                    (day.isoformat(),),
                )
    with closing(SqliteStore(tmp_path)) as store:
        assert store.usage("acme", day, day) == [
            UsageRow("acme", day, Label("k_1", "pixlab", 512), 14)
        ]


def test_a_second_start_takes_no_step_twice(tmp_path: Path) -> None:
    for _ in range(2):
        open_and_close(tmp_path, MIGRATIONS + LATER)
    assert version(tmp_path) == len(MIGRATIONS) + 2


def test_a_step_that_fails_leaves_no_trace_and_those_before_it_stand(tmp_path: Path) -> None:
    broken: Migration = ("CREATE TABLE half (x)", "INSERT INTO nowhere VALUES (1)")
    with pytest.raises(StoreError):
        open_and_close(tmp_path, (*MIGRATIONS, LATER[0], broken))
    assert version(tmp_path) == len(MIGRATIONS) + 1
    assert query(tmp_path, "SELECT name FROM sqlite_master WHERE name = 'half'") == []
    open_and_close(tmp_path, (*MIGRATIONS, LATER[0], ("CREATE TABLE half (x)",)))
    assert version(tmp_path) == len(MIGRATIONS) + 2


def test_a_file_of_a_newer_imgvec_is_refused_and_left_alone(tmp_path: Path) -> None:
    open_and_close(tmp_path, MIGRATIONS + LATER)
    before = (tmp_path / FILE_NAME).read_bytes()
    with pytest.raises(StoreError) as caught:
        open_and_close(tmp_path)
    assert str(tmp_path / FILE_NAME) in str(caught.value)
    assert "upgrade imgvec, or set IMGVEC_DATA to another folder" in str(caught.value)
    assert (tmp_path / FILE_NAME).read_bytes() == before


RACER = """
import sys
from pathlib import Path
from imgvec.stores.sqlite.schema import MIGRATIONS
from imgvec.stores.sqlite import SqliteStore

SLOW = (
    "CREATE TABLE slow (x INTEGER)",
    "INSERT INTO slow WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n"
    " WHERE x < 200000) SELECT x FROM n",
)
print("ready", flush=True)
sys.stdin.readline()
SqliteStore(Path(sys.argv[1]), migrations=(*MIGRATIONS, SLOW)).close()
"""


def lay_nothing(folder: Path) -> None:
    """Leave the folder empty: the processes also race to make the file."""


@pytest.mark.parametrize("lay", [lay_nothing, open_and_close], ids=["new-file", "old-file"])
def test_processes_that_start_together_take_each_step_once(
    tmp_path: Path, lay: Callable[[Path], None]
) -> None:
    lay(tmp_path)
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    # Now that all have started up, let them go at once.
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    problems = [racer.communicate(timeout=60)[1] for racer in racers]
    assert problems == ["", "", ""]
    assert version(tmp_path) == len(MIGRATIONS) + 1
    assert query(tmp_path, "SELECT COUNT(*) FROM slow") == [(200_000,)]
