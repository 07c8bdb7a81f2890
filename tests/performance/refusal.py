"""What a refusal costs beside an answer, in processor time; wall time and rates play no part.

make load

One client asks again and again, first for answers, then to be refused: the server refuses because
it is stopping, in the same place and in the same way as for want of a turn. Each kind comes in
short runs, of which the cheaper ones count: what neighbours on the same core add comes and goes.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from imgvec_benchmarks.server import cpu_seconds
from tests.performance.load import LOSS, Served, served
from tests.support.http.connection import wire
from tests.support.server.load_client import Shot

RUNS = 8


@contextmanager
def asking() -> Iterator[Served]:
    """A server on the first core, and this process on the last."""
    cores = os.sched_getaffinity(0)
    with served() as target:
        os.sched_setaffinity(0, {max(cores)})
        try:
            yield target
        finally:
            os.sched_setaffinity(0, cores)


@contextmanager
def stopping(target: Served) -> Iterator[None]:
    """The server is asked to stop, and has to wait for a body that is still to come."""
    with wire(target.server.address) as pending:
        pending.begin("/api/ai/embed", 100, {"Content-Type": "application/json"})
        time.sleep(0.5)
        target.server.process.terminate()
        time.sleep(0.5)
        yield


def cost(target: Served, shot: Shot, status: int, times: int) -> float:
    """Milliseconds that the server computes for one request, by the lower quartile of some runs."""
    process = target.server.process.pid
    runs = []
    for _ in range(RUNS):
        before, left = cpu_seconds(process), times
        while left:
            left = ask(target.server.address, shot, status, left)
        runs.append((cpu_seconds(process) - before) * 1000 / times)
    return statistics.quantiles(runs)[0]


def ask(address: str, shot: Shot, status: int, times: int) -> int:
    """Ask on one connection, at most so many times; gives how many are left when it closes."""
    with wire(address) as connection:
        while times:
            connection.send(shot.message)
            answer = connection.answer()
            assert answer.status_code == status, answer.text
            times -= 1
            if answer.headers.get("Connection") == "close":
                break
    return times


def main() -> None:
    """Print both costs; exit 1 if nine refusals for an answer leave too little."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", choices=["upload", "stored"], default="upload")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    kept = []
    for _ in range(options.rounds):
        with asking() as target:
            shot = target.shot(options.source)
            answer = cost(target, shot, 200, 8)
            with stopping(target):
                refusal = cost(target, shot, 503, 300)
        kept.append(answer / (answer + 9 * refusal))
        print(
            f"{options.source}: {answer:.1f} ms for an answer, {refusal:.2f} ms for a refusal; "
            f"nine refusals for one answer leave {kept[-1]:.0%}",
            flush=True,
        )
    passed = statistics.median(kept) >= 1 - LOSS
    print("passed" if passed else "FAILED")
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
