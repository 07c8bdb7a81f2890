"""Load on a serving process: so many clients that never pause, or arrivals at random."""

import os
import random
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
import numpy as np

from imgvec.encoders.integrity import read_manifest
from imgvec.encoders.sagemaker.client import HEADER, PIXELS, Attributes
from tests.support.server.places import NOBODY, server_environment, start_serving, stop_server


@dataclass(frozen=True)
class Latency:
    """Milliseconds of many requests."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, seconds: list[float]) -> "Latency":
        """From what each request took."""
        cuts = statistics.quantiles(seconds, n=100)
        return cls(*(1000 * cuts[place - 1] for place in (50, 95, 99)))

    def __str__(self) -> str:
        """As it is printed."""
        return f"p50 {self.p50:6.1f} ms  p95 {self.p95:6.1f} ms  p99 {self.p99:6.1f} ms"


@dataclass(frozen=True)
class Serving:
    """A running serving process, and one good body for it."""

    client: httpx2.Client
    body: bytes
    attributes: str
    process: int

    @property
    def processor_seconds(self) -> float:
        """What its process has spent on this machine's processors."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def invoke(self) -> float:
        """Seconds of one invocation."""
        started = time.perf_counter()
        headers = {"Content-Type": PIXELS, HEADER: self.attributes}
        self.client.post("/invocations", content=self.body, headers=headers).raise_for_status()
        return time.perf_counter() - started


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Serving]:
    """A serving process with the one encoder of this folder."""
    manifest = read_manifest(folder)
    own = {"IMGVEC_ENCODERS": manifest.name, "IMGVEC_MODELS": str(folder.parent), **settings}
    with TemporaryDirectory() as data:
        running = start_serving({**server_environment(Path(data), NOBODY), **own})
        limits = httpx2.Limits(max_connections=None)
        side = manifest.preprocessing.size
        body = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8).tobytes()
        asked = Attributes(manifest.revision, max(space.dimensions for space in manifest.spaces))
        with httpx2.Client(
            base_url=running.address, timeout=60, trust_env=False, limits=limits
        ) as client:
            yield Serving(client, body, str(asked), running.process.pid)
        stop_server(running)


def throughput(serving: Serving, clients: int, seconds: float) -> tuple[float, float]:
    """Answers a second to so many clients that never pause; processor seconds of each answer."""
    spent = serving.processor_seconds
    started = time.perf_counter()
    end = started + seconds

    def client(_: int) -> int:
        answers = 0
        while time.perf_counter() < end:
            serving.invoke()
            answers += 1
        return answers

    with ThreadPoolExecutor(clients) as pool:
        answers = sum(pool.map(client, range(clients)))
    # The last answers come after the end, and count.
    taken = time.perf_counter() - started
    return answers / taken, (serving.processor_seconds - spent) / answers


def poisson(invoke: Callable[[], float], rate: float, requests: int, seed: int = 0) -> list[float]:
    """Seconds of each of so many requests that arrive at random, `rate` a second on average."""
    chance = random.Random(seed)
    with ThreadPoolExecutor(128) as pool:
        calls = []
        due = time.perf_counter()
        for _ in range(requests):
            due += chance.expovariate(rate)
            time.sleep(max(0.0, due - time.perf_counter()))
            calls.append(pool.submit(invoke))
        return [call.result() for call in calls]
