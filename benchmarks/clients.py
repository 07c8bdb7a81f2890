"""Many clients at once against one server: throughput beside the bare encoder's, and waits."""

import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from benchmarks.material import CLIP, LIMITS, Material
from benchmarks.timing import Timed, percentile
from benchmarks.wire import Connection, multipart
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.images.decode import decode
from places import create_key, start_server, stop_server
from watching import wait_until_ready

SECONDS: Final = 12.0
COUNTS: Final = (1, 4, 16, 64)
LOAD: Final = 0.7


def section(material: Material) -> str:
    """Images a second by number of clients, and the waits when they come at random."""
    photo = material.photos["0.3", "JPEG"].read_bytes()
    encoder = OnnxEncoder(material.models / CLIP)
    pixels = decode(photo, encoder.image_size, LIMITS)
    cores = os.cpu_count() or 1
    bare = _rate(cores, lambda: encoder.encode_image(pixels, 512))
    plain = _rate(
        cores,
        lambda: encoder.encode_image(decode(photo, encoder.image_size, LIMITS), 512),
    )
    with _serving(material) as (address, key):
        host = urlsplit(address).netloc
        request = multipart("/imgembed", host, {"key": key, "dimension": "512"}, photo)
        rates = {count: _served(address, request, count) for count in COUNTS}
        waits = _waits(address, request, LOAD * rates[16])
    median, late = Timed(tuple(waits)).median, percentile(waits, 0.99)
    return "\n".join(
        [
            "## Many clients",
            "",
            f"CLIP, 0.3-megapixel JPEGs, one server on {cores} cores that the clients share, "
            f"{SECONDS:.0f} s each.",
            "",
            "| | images a second | of decode and encode |",
            "|---|---|---|",
            f"| encoder alone, {cores} threads, no decoding | {bare:.1f} | |",
            f"| decode and encode, {cores} threads, no server | {plain:.1f} | 1 |",
            *(
                f"| {count} clients | {rate:.1f} | {rate / plain:.2f} |"
                for count, rate in rates.items()
            ),
            "",
            f"Arrivals at random at {LOAD:.0%} of the rate of 16 clients ({len(waits)} requests): "
            f"median {median:.0f} ms, p99 {late:.0f} ms, **{late / median:.1f} times** the median.",
            "",
        ]
    )


@contextmanager
def _serving(material: Material) -> Iterator[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as data:
        environment = {
            **os.environ,
            "IMGVEC_DATA": data,
            "IMGVEC_MODELS": str(material.models),
            "IMGVEC_ENCODERS": CLIP,
        }
        key, _ = create_key("bench", environment)
        running = start_server(environment)
        try:
            wait_until_ready(running.address)
            yield running.address, key
        finally:
            stop_server(running)


def _rate(threads: int, work: Callable[[], object]) -> float:
    """How often a second so many threads do it, each without a pause."""
    end = time.perf_counter() + SECONDS

    def loop(_: int) -> int:
        done = 0
        while time.perf_counter() < end:
            work()
            done += 1
        return done

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(loop, range(threads))) / SECONDS


def _served(address: str, request: bytes, count: int) -> float:
    """Images a second that so many clients get, each asking anew when it is answered."""
    end = time.perf_counter() + SECONDS

    def client(_: int) -> int:
        connection, answered = Connection(address), 0
        while time.perf_counter() < end:
            answered += connection.ask(request) == 200
        connection.close()
        return answered

    with ThreadPoolExecutor(count) as pool:
        return sum(pool.map(client, range(count))) / SECONDS


def _waits(address: str, request: bytes, rate: float) -> list[float]:
    """Milliseconds from when each request was due to its answer, at `rate` a second at random."""
    due, arrivals = time.perf_counter(), []
    chance = random.Random(0)
    while due < time.perf_counter() + 2 * SECONDS:
        due += chance.expovariate(rate)
        arrivals.append(due)

    def ask(moment: float) -> float:
        time.sleep(max(0.0, moment - time.perf_counter()))
        connection = Connection(address)
        assert connection.ask(request) == 200
        waited = (time.perf_counter() - moment) * 1000
        connection.close()
        return waited

    with ThreadPoolExecutor(64) as pool:
        return list(pool.map(ask, arrivals))
