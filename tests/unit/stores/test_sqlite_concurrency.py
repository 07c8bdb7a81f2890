"""Many threads and many processes at one file."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from imgvec.accounts.ports import Label, Reservation
from imgvec.assets.ports import Asset
from imgvec.stores.sqlite import FILE_NAME, SqliteStore
from imgvec.types import UNLIMITED

DAY = date(2026, 2, 28)
THREADS, PROCESSES, ROUNDS = 8, 4, 100
COUNTER = """
import sys
from datetime import date
from pathlib import Path
from imgvec.types import UNLIMITED
from imgvec.accounts.ports import Reservation, Label
from imgvec.stores.sqlite import SqliteStore

store = SqliteStore(Path(sys.argv[1]))
for units in range(1, int(sys.argv[3]) + 1):
    hold = Reservation("acme", f"{sys.argv[2]}-{units}*{units}", date(2026, 2, 28), expires=1e10)
    store.reserve(hold, UNLIMITED, now=0.0)
    assert store.settle(hold, Label("k_1", "pixlab", 512))
store.close()
"""


def count(store: SqliteStore, name: str, units: int) -> None:
    hold = Reservation("acme", f"{name}*{units}", DAY, expires=1e10)
    store.reserve(hold, UNLIMITED, now=0.0)
    assert store.settle(hold, Label("k_1", "pixlab", 512))


def counted(store: SqliteStore) -> int:
    return sum(row.images for row in store.usage("acme", DAY, DAY))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(tmp_path)) as store:
        yield store


def test_no_count_is_lost_between_threads_and_processes(store: SqliteStore, tmp_path: Path) -> None:
    counters = [
        subprocess.Popen([sys.executable, "-c", COUNTER, str(tmp_path), f"p{number}", str(ROUNDS)])
        for number in range(PROCESSES)
    ]

    def count_all(number: int) -> None:
        for units in range(1, ROUNDS + 1):
            count(store, f"t{number}-{units}", units)

    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(count_all, n) for n in range(THREADS)]:
            done.result()
    assert [counter.wait(timeout=60) for counter in counters] == [0] * PROCESSES
    assert counted(store) == (THREADS + PROCESSES) * ROUNDS * (ROUNDS + 1) // 2


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
    count(store, "first", 1)
    before = len(list(Path("/dev/fd").iterdir()))
    for number in range(30):
        thread = threading.Thread(target=count, args=(store, f"h{number}", 1))
        thread.start()
        thread.join()
    assert len(list(Path("/dev/fd").iterdir())) == before
    assert counted(store) == 31


def test_closing_while_threads_are_at_work_loses_nothing(
    store: SqliteStore, tmp_path: Path
) -> None:
    start = threading.Barrier(THREADS + 1)

    def count_all(number: int) -> None:
        start.wait()
        for round_ in range(ROUNDS):
            count(store, f"t{number}-{round_}", 1)

    with ThreadPoolExecutor(THREADS) as pool:
        running = [pool.submit(count_all, number) for number in range(THREADS)]
        start.wait()
        store.close()
        for done in running:
            done.result()
    # SQLite removes its log with the last connection, so all were closed.
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
    assert counted(store) == THREADS * ROUNDS
