"""Many threads and many processes at one file."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from imgvec.stores.protocols import Asset, KeyRecord
from imgvec.stores.sqlite import FILE_NAME, SqliteStore

THREADS, PROCESSES, ROUNDS = 8, 4, 100
COUNTER = """
import sys
from pathlib import Path
from imgvec.stores.sqlite import SqliteStore

store = SqliteStore(Path(sys.argv[1]))
for units in range(1, int(sys.argv[2]) + 1):
    store.count("k_1", units)
store.close()
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(tmp_path)) as store:
        store.add_key(KeyRecord("k_1", "acme", "d1", created=1.0))
        yield store


def test_no_count_is_lost_between_threads_and_processes(store: SqliteStore, tmp_path: Path) -> None:
    counters = [
        subprocess.Popen([sys.executable, "-c", COUNTER, str(tmp_path), str(ROUNDS)])
        for _ in range(PROCESSES)
    ]

    def count() -> None:
        for units in range(1, ROUNDS + 1):
            store.count("k_1", units)

    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(count) for _ in range(THREADS)]:
            done.result()
    assert [counter.wait(timeout=60) for counter in counters] == [0] * PROCESSES
    assert store.counted() == {"k_1": (THREADS + PROCESSES) * ROUNDS * (ROUNDS + 1) // 2}


def test_of_many_that_move_an_asset_one_succeeds(store: SqliteStore) -> None:
    for number in range(20):
        asset_id = f"re_{number}"
        store.add_asset(Asset(asset_id, "acme", "a.png", "WAITING", 0, 1.0, 1.0))
        start = threading.Barrier(THREADS)

        def move(asset_id: str = asset_id, start: threading.Barrier = start) -> bool:
            start.wait()
            return store.move_asset(asset_id, "WAITING", "UPLOADING", size=0, when=2.0)

        with ThreadPoolExecutor(THREADS) as pool:
            moved = [done.result() for done in [pool.submit(move) for _ in range(THREADS)]]
        assert moved.count(True) == 1


def test_threads_that_end_leave_no_file_open(store: SqliteStore) -> None:
    before = len(list(Path("/dev/fd").iterdir()))
    for _ in range(30):
        thread = threading.Thread(target=store.count, args=("k_1", 1))
        thread.start()
        thread.join()
    assert len(list(Path("/dev/fd").iterdir())) == before
    assert store.counted() == {"k_1": 30}


def test_closing_while_threads_are_at_work_loses_nothing(
    store: SqliteStore, tmp_path: Path
) -> None:
    start = threading.Barrier(THREADS + 1)

    def count() -> None:
        start.wait()
        for _ in range(ROUNDS):
            store.count("k_1", 1)

    with ThreadPoolExecutor(THREADS) as pool:
        running = [pool.submit(count) for _ in range(THREADS)]
        start.wait()
        store.close()
        for done in running:
            done.result()
    # SQLite removes its log with the last connection, so all were closed.
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
    assert store.counted() == {"k_1": THREADS * ROUNDS}
