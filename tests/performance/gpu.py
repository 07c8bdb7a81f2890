"""What an endpoint's encoder does: by batch size, under load, of the GPU's peak; its price.

    make bench-gpu PROVIDER=cuda ENCODERS="clip-vit-b32 clip-vit-l14"    on a machine with a GPU
    make bench-gpu                                                       the starter, on this CPU

Providers other than the CPU need onnxruntime-gpu in the place of onnxruntime.
"""

import argparse
import io
import json
import statistics
import subprocess
import time
from math import isfinite
from pathlib import Path
from typing import Final

import numpy as np

from imgvec.encoders.onnx import OnnxEncoder
from imgvec.encoders.registry import find_folders
from imgvec.images.decode import ImageLimits, decode
from imgvec.settings import Provider
from tests.performance.low_load import ONE_BY_ONE, SHARE, at_low_load
from tests.support.aws.endpoint_cost import INSTANCES, crossing
from tests.support.images.pictures import photo_jpeg
from tests.support.server.endpoint_load import Latency, poisson, serving, throughput

OPERATIONS: Final = {"clip-vit-b32": 8.8e9, "clip-vit-l14": 162e9}
"""Of one image: two for each multiplication of the tower's matrices."""
PEAKS: Final = {"A10G": 70e12, "L4": 121e12, "T4": 65e12, "H100": 989e12, "H200": 989e12}
"""Float16 operations a second by NVIDIA's data sheets, without sparsity."""
LIMITS: Final = ImageLimits(max_bytes=50_000_000, max_pixels=50_000_000, max_frames=1)


def device() -> str:
    """The GPU's name, or what there is instead."""
    try:
        asked = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "no GPU"


def precision(folder: Path) -> str:
    """How its graphs were built; the starter has no record."""
    record = folder / "build.json"
    return str(json.loads(record.read_text())["scheme"]["name"]) if record.is_file() else "int8"


def by_batch_size(encoder: OnnxEncoder, sizes: list[int], rounds: int) -> float:
    """Print images a second for each batch size; give those of the best."""
    side, width = encoder.image_size, max(encoder.dimensions)
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    best = 0.0
    for size in sizes:
        batch = [(pixels, width)] * size
        encoder.encode_images(batch)
        taken = []
        for _ in range(rounds):
            started = time.perf_counter()
            encoder.encode_images(batch)
            taken.append(time.perf_counter() - started)
        rate = size / statistics.median(taken)
        best = max(best, rate)
        share = _share_of_peak(encoder.name, rate)
        print(f"  batch {size:3}: {rate:9.1f} images/s  {1000 * size / rate:7.2f} ms  {share}")
    return best


def _share_of_peak(name: str, rate: float) -> str:
    peak = next((ops for gpu, ops in PEAKS.items() if gpu in device().split()[-1]), None)
    if peak is None or name not in OPERATIONS:
        return ""
    return f"{100 * rate * OPERATIONS[name] / peak:5.1f} % of {peak / 1e12:.0f} Tflop/s"


def under_load(folder: Path, provider: Provider, seconds: float) -> None:
    """Print what clients get of a serving process, with and without batching."""
    settings = {"IMGVEC_PROVIDER": provider}
    with serving(folder, **settings, **ONE_BY_ONE) as alone, serving(folder, **settings) as both:
        for name, one in (("one by one", alone), ("batches", both)) * 2:
            rate, spent = throughput(one, 32, seconds)
            print(f"  32 clients, {name:10}: {rate:8.1f} images/s, {1000 * spent:.2f} ms of a core")
        most, _ = throughput(both, 32, seconds)
        at_low_load(alone, both, SHARE * most, _enough(SHARE * most, seconds), turns=4)
        for share in (0.25, 0.5, 0.75):
            told = Latency.of(poisson(both.invoke, share * most, _enough(share * most, seconds)))
            print(f"  at random, {share:4.0%} of {most:7.1f} a second: {told}")


def _enough(rate: float, seconds: float) -> int:
    """Requests of so many seconds, or as many as quantiles can be told of."""
    return max(10, round(rate * seconds))


def what_travels(side: int) -> None:
    """Print what decoding costs an endpoint's few cores, in the time of one core."""
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
    print(f"  a JPEG of 12 megapixels: {len(data) / 1e6:.2f} MB, {1000 * spent:.1f} ms of a core")
    print(f"  pixels: {3 * side * side / 1e6:.2f} MB, {1000 * read:.3f} ms of a core")
    print(f"  4 cores that decode feed at most {4 / spent:.0f} images/s")


def prices(cpu_seconds: float, rate: float) -> None:
    """Print what a million encodes cost, and from how many images on an instance pays."""
    for instance, hourly in INSTANCES.items():
        found = crossing(cpu_seconds, rate, instance)
        pays = f"from {found.images / 1e6:,.0f} million" if isfinite(found.images) else "never"
        print(
            f"  {instance} at ${hourly}/h: Lambda ${found.lambda_million:.2f}, endpoint "
            f"${found.endpoint_million:.2f} a million; pays {pays}"
        )


def main() -> None:
    """Print the figures of each encoder that is named."""
    parser = argparse.ArgumentParser(description="Figures of the endpoint's encoder.")
    parser.add_argument("encoders", nargs="*", default=["starter"])
    parser.add_argument("--provider", choices=["cpu", "cuda", "tensorrt"], default="cpu")
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--seconds", type=float, help="of each load; 3 on a CPU, else 20")
    parser.add_argument("--cpu-ms", type=float, help="milliseconds of one encode on Lambda")
    chosen = parser.parse_args()
    short = chosen.provider == "cpu"
    print(f"{device()}, provider {chosen.provider}{', short form' if short else ''}")
    for name in chosen.encoders:
        folder = find_folders(chosen.models)[name]
        encoder = OnnxEncoder(folder, provider=chosen.provider)
        print(f"{name}, {precision(folder)}, {encoder.image_size} pixels:")
        sizes = [1, 8, 32] if short else [1, 2, 4, 8, 16, 32, 64, 128]
        rate = by_batch_size(encoder, sizes, 5 if short else 50)
        under_load(folder, chosen.provider, chosen.seconds or (3 if short else 20))
        what_travels(encoder.image_size)
        cpu = chosen.cpu_ms / 1000 if chosen.cpu_ms else 1 / rate
        print(f"  price, if an encode takes {1000 * cpu:.1f} ms of one processor on Lambda:")
        prices(cpu, rate)


if __name__ == "__main__":
    main()
