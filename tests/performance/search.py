"""How long a search of 100,000 photos takes, and to index one photo more of 10,000.

    PYTHONPATH=. python tests/performance/search.py

Vectors are random, and the files of photos are links to one; commands and index are the real ones.
On a busy machine the processors' time says more than the clock.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from imgvec import Encoder
from imgvec.search.index import Index, Space, Version
from imgvec.search.ranking import most_similar
from imgvec.search.writer import opened
from imgvec.types import Vectors
from tests.support.server.places import CAT

RUNS = 5


def seconds(call: Callable[[], object]) -> tuple[float, float]:
    """How long a call takes, and the processor time of the processes that it ran."""
    started, busy = time.perf_counter(), _busy()
    call()
    return time.perf_counter() - started, _busy() - busy


def _busy() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def shown(label: str, times: list[tuple[float, float]]) -> None:
    """Print the median and the bounds, and the median of the processor time, in milliseconds."""
    passed = [1000 * one for one, _ in times]
    busy = statistics.median(1000 * one for _, one in times)
    bounds = f"{min(passed):.0f} to {max(passed):.0f}"
    print(f"{label:40} {statistics.median(passed):7.0f} ms ({bounds}), processors {busy:.0f} ms")


def command(*arguments: str) -> None:
    """Run the command line in a process of its own."""
    subprocess.run([sys.executable, "-m", "imgvec", *arguments], check=True, capture_output=True)


def random_vectors(count: int, dimensions: int) -> Vectors:
    """Unit vectors of no encoder."""
    vectors = np.random.default_rng(0).standard_normal((count, dimensions), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def fill(folder: Path, space: Space, paths: list[str]) -> None:
    """An index of files that exist, with vectors that are not theirs."""
    vectors = random_vectors(len(paths), space.dimensions)
    with opened(folder, space, rebuild=False) as writer:
        for path, vector in zip(paths, vectors, strict=True):
            status = Path(path).stat()
            writer.put(path, Version(status.st_size, status.st_mtime_ns), vector)


def first_search(folder: Path) -> tuple[float, float]:
    """The search itself in a new process, which has to map the file."""
    script = (
        "import sys; from pathlib import Path; from tests.performance.search import timed_search; "
        "print(*timed_search(Path(sys.argv[1])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)], check=True, capture_output=True, text=True
    )
    passed, busy = map(float, done.stdout.split())
    return passed, busy


def timed_search(folder: Path) -> tuple[float, float]:
    """The seconds of one search, and of its processors."""
    with Index(folder) as index:
        query = random_vectors(1, index.space.dimensions)[0]
        started, busy = time.perf_counter(), time.process_time()
        most_similar(index, query, 20)
        return time.perf_counter() - started, time.process_time() - busy


def linked(folder: Path, count: int) -> list[str]:
    """So many names of a photo."""
    folder.mkdir()
    shutil.copy(CAT, folder / "0.jpg")
    for number in range(1, count):
        (folder / f"{number}.jpg").hardlink_to(folder / "0.jpg")
    return [str(folder / f"{number}.jpg") for number in range(count)]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Figures of a search on this machine.")
    parser.add_argument("--dimensions", type=int, default=1024)
    chosen = parser.parse_args()
    with Encoder("starter", chosen.dimensions) as encoder:
        space = Space(encoder.name, encoder.revision, encoder.dimensions)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {space.dimensions} dimensions")
    with tempfile.TemporaryDirectory() as temporary:
        # The least a command takes: Python and the imports.
        shown("imgvec --help", [seconds(lambda: command("--help")) for _ in range(RUNS)])
        large, small = Path(temporary, "large"), Path(temporary, "small")
        # A file may not have more links than 65,000.
        halves = [linked(Path(temporary, name), 50_000) for name in ("one", "other")]
        fill(large, space, halves[0] + halves[1])
        shown("search of 100,000, in a new process", [first_search(large) for _ in range(RUNS)])
        search = ["search", "a photo of a cat", "--index", str(large)]
        shown("imgvec search, 100,000", [seconds(lambda: command(*search)) for _ in range(RUNS)])
        photos = Path(temporary, "photos")
        fill(small, space, linked(photos, 10_000))
        index = ["index", str(photos), "--index", str(small)]
        command(*index)
        times = []
        for number in range(RUNS):
            shutil.copy(CAT, photos / f"new-{number}.jpg")
            times.append(seconds(lambda: command(*index)))
        shown("imgvec index, 1 new of 10,000", times)


if __name__ == "__main__":
    main()
