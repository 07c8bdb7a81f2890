"""Many clients at once against one server: throughput beside the bare encoder's, and waits."""

import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from statistics import fmean, median, quantiles
from typing import Final

from imgvec.encoders.onnx import OnnxEncoder
from imgvec.images.decode import decode
from imgvec_benchmarks.material import CLIP, LIMITS, Material
from imgvec_benchmarks.server import Running, cpu_seconds, served
from imgvec_benchmarks.timing import Pace, rate_of
from imgvec_benchmarks.wire import Connection, img_embed

SECONDS: Final = 12.0
SLICES: Final = 4
BARE: Final = "a thread for each core, encoder alone, no decoding"
PLAIN: Final = "a thread for each core, decode and encode, no server"
COUNTS: Final = (1, 4, 16, 64)
MANY: Final = 16
LOAD: Final = 0.7


@dataclass(frozen=True, slots=True)
class Throughput:
    """Images a second, and processor seconds a second of what makes vectors and of the clients."""

    rate: float
    cores: float
    clients: float = 0.0

    def for_a_core(self, bare: "Throughput") -> float:
        """Images of a processor second, as a share of the bare encoder's."""
        return self.rate / self.cores / (bare.rate / bare.cores)

    def row(self, name: str, bare: "Throughput", plain: "Throughput") -> str:
        shares = [self.rate / bare.rate, self.rate / plain.rate, self.cores, self.clients]
        cells = [f"{one:.2f}" for one in (*shares, self.for_a_core(bare))]
        return f"| {name} | {self.rate:.1f} | {' | '.join(cells)} |"


def section(material: Material, pace: Pace) -> str:
    """Images a second by number of clients, and the waits when they come at random."""
    seconds, cores = pace.seconds(SECONDS), os.cpu_count() or 1
    photo = material.jpeg("0.3")
    encoder = OnnxEncoder(material.models / CLIP)
    pixels = decode(photo, encoder.image_size, LIMITS)

    def whole() -> None:
        encoder.encode_image(decode(photo, encoder.image_size, LIMITS), 512)

    work: dict[str, Callable[[float], Throughput]] = {
        BARE: partial(_here, [partial(encoder.encode_image, pixels, 512)] * cores),
        PLAIN: partial(_here, [whole] * cores),
    }
    with served(material.models, CLIP) as (running, key):
        request = img_embed(key, photo).written
        work |= {f"{count} clients": partial(_served, running, request, count) for count in COUNTS}
        found = _in_turns(work, seconds)
        bare, plain, many = found[BARE], found[PLAIN], found[f"{MANY} clients"]
        waits = _waits(running.address, request, LOAD * many.rate, seconds)
    middle, late = median(waits), quantiles(waits, n=100)[98]
    return "\n".join(
        [
            "## Many clients",
            "",
            f"CLIP, 0.3-megapixel JPEGs, one server on {cores} cores that the clients share, "
            f"{seconds:g} s each, in {SLICES} turns. The last column counts images for each second "
            "of a core that the server has, which clients take no part of: as a share of the bare "
            "encoder's.",
            "",
            "| | images a second | of the bare encoder | of decode and encode | cores that work "
            "| cores that ask | for a core-second |",
            "|---|---|---|---|---|---|---|",
            *(one.row(name, bare, plain) for name, one in found.items()),
            "",
            f"{MANY} clients get **{many.rate / bare.rate:.0%}** of the bare encoder's throughput "
            f"from the cores that they share, and **{many.for_a_core(bare):.0%}** of it for each "
            "second of a core that the server has.",
            "",
            f"Arrivals at random at {LOAD:.0%} of the rate of {MANY} clients ({len(waits)} "
            f"requests): median {middle:.0f} ms, p99 {late:.0f} ms, **{late / middle:.1f} times** "
            "the median.",
            "",
        ]
    )


def _in_turns(
    work: Mapping[str, Callable[[float], Throughput]], seconds: float
) -> dict[str, Throughput]:
    """Each for so many seconds in all, a slice at a time: the machine's speed moves in between."""
    turns = [{name: do(seconds / SLICES) for name, do in work.items()} for _ in range(SLICES)]
    return {
        name: Throughput(
            fmean(turn[name].rate for turn in turns),
            fmean(turn[name].cores for turn in turns),
            fmean(turn[name].clients for turn in turns),
        )
        for name in work
    }


def _here(work: Sequence[Callable[[], object]], seconds: float) -> Throughput:
    started, used = time.perf_counter(), time.process_time()
    rate = rate_of(work, seconds)
    return Throughput(rate, (time.process_time() - used) / (time.perf_counter() - started))


def _served(running: Running, request: bytes, count: int, seconds: float) -> Throughput:
    """So many clients, each asking anew when it is answered."""
    with ExitStack() as stack:
        connections = [
            stack.enter_context(closing(Connection(running.address))) for _ in range(count)
        ]
        started, before = time.perf_counter(), cpu_seconds(running.pid)
        here = _here([partial(one.ask, request) for one in connections], seconds)
        cores = (cpu_seconds(running.pid) - before) / (time.perf_counter() - started)
    return Throughput(here.rate, cores, here.cores)


def _waits(address: str, request: bytes, rate: float, seconds: float) -> list[float]:
    """Milliseconds from when each request was due to its answer, at `rate` a second at random."""
    due, arrivals = time.perf_counter(), []
    chance = random.Random(0)
    end = due + 2 * seconds
    while due < end:
        due += chance.expovariate(rate)
        arrivals.append(due)

    def ask(moment: float) -> float:
        time.sleep(max(0.0, moment - time.perf_counter()))
        with closing(Connection(address)) as connection:
            connection.ask(request)
        return (time.perf_counter() - moment) * 1000

    with ThreadPoolExecutor(64) as pool:
        return list(pool.map(ask, arrivals))
