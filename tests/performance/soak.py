"""Good and bad requests for a long time: what they cost stays flat, and the counts are right.

make soak MINUTES=60

Memory is judged, and the processor time of a request. Wall time is printed only: on a shared
machine it says more of the neighbours than of the server.
"""

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Final

from imgvec_benchmarks.server import cpu_seconds, resident, wait_until_ready
from tests.performance.flatness import Sample, costs, flat_cost, flat_memory
from tests.support.server.load_client import Answer, Load
from tests.support.server.places import CAT, Running, create_key, imgvec, start_server, stop_server
from tests.support.server.request_mix import mixed

SAMPLES: Final = 60
"""How often memory and time are looked at, evenly spread."""
UNITS: Final = {"upload": 1, "data uri": 1, "text": 1, "texts": 2}
"""What an answer of each kind is counted as; replays count as one, all together."""


def watched(server: Running, sending: Future[list[Answer]], seconds: float) -> Iterator[Sample]:
    """Samples until all is sent."""
    process = server.process.pid
    while not sending.done():
        handles = len(list(Path(f"/proc/{process}/fd").iterdir()))
        yield Sample(time.time(), resident(process), cpu_seconds(process), handles)
        time.sleep(seconds / SAMPLES)


def counted(environment: dict[str, str]) -> int:
    """What the server says that it has answered."""
    rows = json.loads(imgvec("usage", "--json", environment=environment).stdout)
    return sum(row["images"] for row in rows)


def expected(answers: list[Answer]) -> int:
    """The same, as the client saw it."""
    good = Counter(answer.name for answer in answers if answer.status == 200)
    return sum(units * good[name] for name, units in UNITS.items()) + bool(good["replay"])


def report(samples: list[Sample], answers: list[Answer]) -> None:
    """One line for each tenth of the time."""
    print("minutes  RSS MB  handles  cores  CPU ms  answers  p50 ms  p99 ms (of 200)")
    tenth = max(1, len(samples) // 10)
    for first, last in pairwise(samples[::tenth]):
        span = last.when - first.when
        took = sorted(
            answer.took * 1000
            for answer in answers
            if answer.status == 200 and first.when <= answer.sent < last.when
        )
        p50, p99 = took[len(took) // 2], took[len(took) * 99 // 100]
        (cost,) = costs([first, last], answers)
        print(
            f"{(last.when - samples[0].when) / 60:7.1f} {last.megabytes:7.1f} {last.handles:8d} "
            f"{(last.cpu - first.cpu) / span:6.2f} {cost:7.2f} {len(took):8d} {p50:7.1f} {p99:7.1f}"
        )


def main() -> None:
    """Soak a server of its own; exit 1 if anything is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=10, help="Requests a second.")
    options = parser.parse_args()
    seconds = 60 * options.minutes
    with tempfile.TemporaryDirectory() as data:
        environment = {**os.environ, "IMGVEC_DATA": data, "IMGVEC_LOG_LEVEL": "error"}
        key, _ = create_key("soak", environment)
        server = start_server(environment)
        wait_until_ready(server.address)
        shots = mixed(key, CAT.read_bytes())
        port = int(server.address.rpartition(":")[2])
        load = Load(port, options.rate, seconds, list(shots))
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            sending = pool.submit(load.send)
            samples = list(watched(server, sending, seconds))
            answers = sending.result()
        stop_server(server)
        images = counted(environment)
    report(samples, answers)
    statuses = {shot.name: status for shot, status in shots.items()}
    wrong = Counter(
        (answer.name, answer.status)
        for answer in answers
        if answer.status not in (statuses[answer.name], 429)
    )
    refused = sum(answer.status == 429 for answer in answers)
    print(f"{len(answers)} requests, 429 {refused}, unexpected: {dict(wrong) or 'none'}")
    print(f"counted {images}, answered {expected(answers)}")
    flat = flat_memory(samples), flat_cost(costs(samples, answers))
    passed = all(flat) and not wrong and images == expected(answers)
    print("passed" if passed else "FAILED")
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
