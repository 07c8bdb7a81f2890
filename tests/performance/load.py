"""Good-put under overload, and what becomes of requests at SIGTERM.

PYTHONPATH=.:tests .venv/bin/python tests/performance/load.py overload
PYTHONPATH=.:tests .venv/bin/python tests/performance/load.py drain

Server and clients have a core each. Where the machine is shared, wall time says little: rounds of
all rates alternate, and good-put is also given for each second that the server has computed.
"""

import argparse
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from load_client import Load
from performance.figures import wait_until_ready
from performance.soak import cpu_seconds
from pictures import photo_jpeg
from places import Running, create_key, start_server, stop_server
from shots import upload

TIMES: Final = (1, 2, 10)
LOSS: Final = 0.10
"""The most of the peak that may be lost at ten times the load."""
SPAWN: Final = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Round:
    """What came of one rate."""

    good: int
    refused: int
    others: int
    seconds: float
    cpu: float
    p99: float
    """Seconds until a good answer."""

    @property
    def good_put(self) -> float:
        """Good answers a second."""
        return self.good / self.seconds

    @property
    def of_the_core(self) -> float:
        """Good answers for each second that the server has computed."""
        return self.good / self.cpu


@contextmanager
def served() -> Iterator[tuple[Running, str]]:
    """A server on the first core, with one worker; clients are to be on the last."""
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as data:
        environment = {
            **os.environ,
            "IMGVEC_DATA": data,
            "IMGVEC_WORKERS": "1",
            "IMGVEC_LOG_LEVEL": "error",
        }
        key, _ = create_key("load", environment)
        os.sched_setaffinity(0, {cores[0]})
        server = start_server(environment)
        os.sched_setaffinity(0, set(cores))
        try:
            wait_until_ready(server.address)
            yield server, key
        finally:
            stop_server(server)


def clients() -> ProcessPoolExecutor:
    """One process of clients on the last core."""
    last = max(os.sched_getaffinity(0))
    return ProcessPoolExecutor(1, SPAWN, partial(os.sched_setaffinity, 0, {last}))


def measure(server: Running, pool: ProcessPoolExecutor, load: Load) -> Round:
    """Send a load to its end."""
    before, started = cpu_seconds(server.process.pid), time.perf_counter()
    answers = pool.submit(load.send).result()
    seconds = time.perf_counter() - started
    cpu = cpu_seconds(server.process.pid) - before
    statuses = Counter(answer.status for answer in answers)
    took = sorted(answer.took for answer in answers if answer.status == 200)
    others = statuses.total() - statuses[200] - statuses[429]
    return Round(statuses[200], statuses[429], others, seconds, cpu, took[len(took) * 99 // 100])


def overload(options: argparse.Namespace) -> bool:
    """Good-put at once, twice and ten times what the server can do, in rounds that alternate."""
    photo = Path(options.photo).read_bytes() if options.photo else photo_jpeg(2048, 1536, 85)
    rounds: dict[int, list[Round]] = {times: [] for times in TIMES}
    with served() as (server, key), clients() as pool:
        port = int(server.address.rpartition(":")[2])
        shots = [upload("upload", key, photo)]
        probe = measure(server, pool, Load(port, 200, 2, shots))
        peak = probe.of_the_core
        print(
            f"photo of {len(photo) / 1000:.0f} kB; the server can do {peak:.1f} a second of a core"
        )
        for _ in range(options.rounds):
            for times in TIMES:
                rounds[times].append(
                    measure(server, pool, Load(port, times * peak, options.seconds, shots))
                )
    best = max(statistics.median(one.of_the_core for one in done) for done in rounds.values())
    for times, done in rounds.items():
        good = statistics.median(one.of_the_core for one in done)
        print(
            f"{times:3d}x: good-put {statistics.median(one.good_put for one in done):6.1f}/s, "
            f"{good:6.1f} a second of the core ({good / best:.0%} of the best), "
            f"200 {sum(one.good for one in done)}, 429 {sum(one.refused for one in done)}, "
            f"others {sum(one.others for one in done)}, "
            f"p99 {statistics.median(one.p99 for one in done):.2f} s"
        )
    ten = statistics.median(one.of_the_core for one in rounds[10])
    return ten >= (1 - LOSS) * best and not any(
        one.others for done in rounds.values() for one in done
    )


def main() -> None:
    """Run one proof; exit 1 if it fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("proof", choices=["overload", "drain"])
    parser.add_argument("--photo", help="A file; without one, 3 megapixels are made.")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    passed = {"overload": overload}[options.proof](options)
    print("passed" if passed else "FAILED")
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
