"""An endpoint's encoder: beside the CPU, by batch size, of the peak, under load; its price.

    make bench-gpu PROVIDER=cuda ENCODERS="clip-vit-b32 clip-vit-l14"    on a machine with a GPU
    make bench-gpu                                                       the starter, on this CPU

It ends after `--minutes`, and writes a fragment for docs/how-to/gpu.md row by row, the parts that
only a GPU can answer first. A fragment that was cut says so.
"""

import argparse
import io
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime

from imgvec.encoders.integrity import read_manifest
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.encoders.registry import find_folders
from imgvec.errors import ModelError
from imgvec.images.decode import decode
from imgvec.settings import Provider
from imgvec_benchmarks.cost import ENCODE_MS, LAMBDA_SLOWER
from tests.performance.fragment import Fragment
from tests.performance.low_load import ONE_BY_ONE, SHARE, at_low_load
from tests.performance.provider_parity import LIMITS, parity
from tests.support.aws.endpoint_cost import INSTANCES, crossing
from tests.support.images.pictures import photo_jpeg
from tests.support.models.graph_operations import measured_peak, operations_of
from tests.support.server.endpoint_load import Latency, poisson, serving, throughput

PEAKS: Final = {"A10G": 70e12, "L4": 121e12, "T4": 65e12, "H100": 989e12, "H200": 989e12}
"""Float16 operations a second by NVIDIA's data sheets, without sparsity."""
CLIENTS: Final = 32
TURNS: Final = 4
LOADS: Final = 8 + 2 * TURNS
"""Loads of `seconds` each that `under_load` gives."""


@dataclass
class Bench:
    """The choices of a run, and where its rows go."""

    page: Fragment
    provider: Provider
    seconds: float
    """Of each load."""
    cpu_ms: float | None = None

    @property
    def short(self) -> bool:
        """Without a GPU only that all of it runs is to be seen."""
        return self.provider == "cpu"


def device() -> str:
    """The GPU's name, or what there is instead."""
    try:
        asked = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
        done = subprocess.run(asked, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "no GPU"
    return f"{done.stdout.splitlines()[0].replace(', ', ', driver ')}"


def precision(folder: Path) -> str:
    """How its graphs were built; the starter has no record."""
    record = folder / "build.json"
    return str(json.loads(record.read_text())["scheme"]["name"]) if record.is_file() else "int8"


def by_batch_size(bench: Bench, folder: Path) -> None:
    """Images a second for each batch size, their share of the peak, and what a million cost."""
    encoder = OnnxEncoder(folder, provider=bench.provider)
    side, wide = encoder.image_size, max(encoder.dimensions)
    operations = operations_of(folder / read_manifest(folder).files.image.path)
    sheet = next((peak for gpu, peak in PEAKS.items() if gpu in device().split(",")[0]), None)
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    peak, number = measured_peak(bench.provider, bench.seconds / 10), 32 if bench.short else 16
    bench.page.text(
        f"{operations / 1e9:.2f} G operations of the graph for an image. One large product of "
        f"float{number}: {peak / 1e12:.2f} Tflop/s."
    )
    bench.page.table("batch", "images/s", "ms", "Tflop/s", "of the product", "of the data sheet")
    best = 0.0
    for size in (1, 8, 32) if bench.short else (1, 2, 4, 8, 16, 32, 64, 128):
        if bench.page.left <= 0:
            bench.page.cut(f"{encoder.name} from a batch of {size} on")
            break
        seconds = _median(partial(encoder.encode_images, [(pixels, wide)] * size), bench.seconds)
        best = max(best, size / seconds)
        speed = operations * size / seconds
        bench.page.row(
            str(size),
            f"{size / seconds:.1f}",
            f"{1000 * seconds:.2f}",
            f"{speed / 1e12:.3f}",
            f"{speed / peak:.1%}",
            "" if sheet is None else f"{speed / sheet:.1%}",
        )
    prices(bench, encoder.name, best)


def _median(call: Callable[[], object], seconds: float) -> float:
    """Of at least three calls, after one that chooses kernels."""
    call()
    taken: list[float] = []
    while len(taken) < 3 or sum(taken) < seconds / 10:
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def prices(bench: Bench, name: str, rate: float) -> None:
    """The price of a million encodes, and from how many images on an instance pays."""
    # Of `imgvec cost`: a processor of Lambda, with VNNI.
    cpu = (bench.cpu_ms or LAMBDA_SLOWER * ENCODE_MS[name]) / 1000
    bench.page.text(f"An encode is taken to need {1000 * cpu:.1f} ms of a processor on Lambda.")
    bench.page.table(
        "instance", "$ an hour", "Lambda, $ a million", "endpoint, $ a million", "pays"
    )
    for instance, hourly in INSTANCES.items():
        found = crossing(cpu, rate, instance)
        pays = f"from {found.images / 1e6:,.0f} million" if isfinite(found.images) else "never"
        dollars = (hourly, found.lambda_million, found.endpoint_million)
        bench.page.row(instance, *(f"{one:.2f}" for one in dollars), pays)


def under_load(bench: Bench, folder: Path) -> None:
    """The answers of a serving process to its clients, with and without batching."""
    page, seconds = bench.page, min(bench.seconds, bench.page.left / LOADS / 2)
    settings = {"IMGVEC_PROVIDER": bench.provider}
    with serving(folder, **settings, **ONE_BY_ONE) as alone, serving(folder, **settings) as both:
        page.table(f"{CLIENTS} clients that never pause", "images/s", "ms of a core")
        for name, one in (("one by one", alone), ("batches", both)) * 2:
            rate, spent = throughput(one, CLIENTS, seconds)
            page.row(name, f"{rate:.1f}", f"{1000 * spent:.2f}")
        most, _ = throughput(both, CLIENTS, seconds)
        page.table("arrivals at random", "share of the most", "latency")
        low = at_low_load(alone, both, SHARE * most, _enough(SHARE * most, seconds), TURNS)
        for name, latency in low.items():
            page.row(name, f"{SHARE:.0%}", str(latency))
        for share in (0.25, 0.5, 0.75):
            spent_each = poisson(both.invoke, share * most, _enough(share * most, seconds))
            page.row("batches", f"{share:.0%}", str(Latency.of(spent_each)))


def _enough(rate: float, seconds: float) -> int:
    """Requests of so many seconds, or as many as quantiles can be told of."""
    return max(10, round(rate * seconds))


def what_travels(page: Fragment, side: int) -> None:
    """The price of decoding on an endpoint's few cores, in the time of one core."""
    data = photo_jpeg(4000, 3000, 90)
    started = time.process_time()
    for _ in range(10):
        decode(data, side, LIMITS)
    spent = (time.process_time() - started) / 10
    pixels = io.BytesIO(bytes(3 * side * side))
    started = time.process_time()
    for _ in range(1000):
        np.frombuffer(pixels.getvalue(), np.uint8).reshape(side, side, 3)
    read = (time.process_time() - started) / 1000
    page.table("what travels", "MB", "ms of a core", "images/s of 4 cores")
    for name, size, one in (
        ("a JPEG of 12 megapixels", len(data), spent),
        ("pixels", 3 * side * side, read),
    ):
        page.row(name, f"{size / 1e6:.2f}", f"{1000 * one:.3f}", f"{4 / one:.0f}")


def measured(bench: Bench, folders: dict[str, Path]) -> None:
    """All parts, and of each part all encoders: a run that is cut has the first parts of all."""
    for part, measure in PARTS.items():
        for name, folder in folders.items():
            if bench.page.left <= 0:
                bench.page.cut(f"{part} of {name}")
                continue
            bench.page.text(f"#### {name}, {precision(folder)}: {part}")
            measure(bench, folder)
    side = read_manifest(next(iter(folders.values()))).preprocessing.size
    what_travels(bench.page, side)


PARTS: Final[dict[str, Callable[[Bench, Path], None]]] = {
    "parity": lambda bench, folder: parity(bench.page, bench.provider, folder),
    "batches and price": by_batch_size,
    "load": under_load,
}


def main() -> None:
    """Measure each encoder that is named."""
    parser = argparse.ArgumentParser(description="Figures of the endpoint's encoder.")
    parser.add_argument("encoders", nargs="*", default=["starter"])
    parser.add_argument("--provider", choices=["cpu", "cuda", "tensorrt"], default="cpu")
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--minutes", type=float, default=10, help="after which no part begins")
    parser.add_argument("--seconds", type=float, help="of each load; 3 on a CPU, else 10")
    parser.add_argument(
        "--cpu-ms", type=float, help="of one encode on Lambda; else that of imgvec cost"
    )
    parser.add_argument("--output", type=Path, default=Path(".cache/bench/gpu.md"))
    chosen = parser.parse_args()
    page = Fragment(chosen.output, chosen.minutes)
    seconds = chosen.seconds or (3 if chosen.provider == "cpu" else 10)
    bench = Bench(page, chosen.provider, seconds, cpu_ms=chosen.cpu_ms)
    short = " (short form)" if bench.short else ""
    page.text(f"### {device()}: {chosen.provider}{short}")
    runtime = f"ONNX Runtime {onnxruntime.__version__}"
    page.text(
        f"{datetime.now(UTC):%d %B %Y}, {runtime}, `make bench-gpu PROVIDER={chosen.provider}`."
    )
    available = find_folders(chosen.models)
    try:
        measured(bench, {name: available[name] for name in chosen.encoders})
    except ModelError as problem:
        sys.exit(str(problem))
    page.text(f"All of it took {60 * page.minutes - page.left:.0f} s.")
    print(f"Copy {page.path} into docs/how-to/gpu.md")


if __name__ == "__main__":
    main()
