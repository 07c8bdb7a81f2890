"""Jobs of `imgvec embed --output FOLDER/`: speed beside decode and encode alone, memory, kills.

    PYTHONPATH=.:benchmarks python tests/performance/bulk.py speed --images 10000
    PYTHONPATH=.:benchmarks python tests/performance/bulk.py speed --encoder clip-vit-b32
    PYTHONPATH=.:benchmarks python tests/performance/bulk.py memory
    PYTHONPATH=.:benchmarks python tests/performance/bulk.py kills --kills 50

`speed` takes photos of 0.3 megapixels, in turns with plain threads that decode and encode the same
files and do nothing else. CLIP has its true shape and random weights; it is made once, in some
minutes, in `.cache/bench`.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
from PIL import Image
from pyarrow import parquet

from imgvec.encoders import Encoder
from imgvec.encoders.registry import load_encoders
from imgvec.images.decode import decode, limits_of
from imgvec.settings import load_settings
from imgvec_benchmarks.material import STARTER, prepare
from imgvec_models.calibration.feeds import PHOTOS
from tests.support.images.pictures import photo_jpeg

SIZE: Final = (640, 480)
TURNS: Final = 3


def photos_in(folder: Path, count: int) -> list[Path]:
    """Photos of 0.3 megapixels, each different: crops and brightnesses of those that ship."""
    folder.mkdir(parents=True)
    chance = np.random.default_rng(1)
    originals = [Image.open(BytesIO(photo_jpeg(*SIZE)))]
    originals += [Image.open(path) for path in sorted(PHOTOS.glob("*.jpg"))]
    paths = []
    for number in range(count):
        original = originals[number % len(originals)].convert("RGB")
        left, top = (int(chance.integers(0, side // 4)) for side in original.size)
        right, bottom = (side - int(chance.integers(0, side // 4)) for side in original.size)
        picture = original.crop((left, top, right, bottom)).resize(SIZE)
        paths.append(folder / f"{number:06}.jpg")
        picture.save(paths[-1], quality=85)
    return paths


def command(folder: Path, out: Path, *options: str) -> list[str]:
    """`imgvec embed` of a folder or list into parts."""
    return [sys.executable, "-m", "imgvec", "embed", str(folder), "-o", f"{out}/", *options]


def speed(count: int, encoder: str) -> None:
    """Images a second of whole commands, and of the work alone, in turns."""
    environment = {"IMGVEC_ENCODERS": encoder}
    if encoder != STARTER:
        environment["IMGVEC_MODELS"] = str(prepare().models)
    os.environ.update(environment)
    settings = load_settings()
    (loaded,) = load_encoders(settings)
    with tempfile.TemporaryDirectory() as place:
        paths = photos_in(Path(place, "photos"), count)

        def whole(turn: int) -> None:
            out = Path(place, f"vectors-{turn}")
            subprocess.run(
                command(Path(place, "photos"), out), check=True, stderr=subprocess.DEVNULL
            )
            assert parquet.read_table(out).num_rows == count

        def alone(turn: int) -> None:
            work_alone(loaded, paths)

        turns = [(seconds_of(whole, turn), seconds_of(alone, turn)) for turn in range(TURNS)]
    print(f"{encoder}, {count} images")
    for number, kind in enumerate(("wall time", "processor time")):
        command_rates = [count / ours[number] for ours, _ in turns]
        alone_rates = [count / theirs[number] for _, theirs in turns]
        share = median(command_rates) / median(alone_rates)
        print(
            f"images a second of {kind}: command {_shown(command_rates)}; alone "
            f"{_shown(alone_rates)}; share of the medians {share:.1%}"
        )


def _shown(rates: Sequence[float]) -> str:
    return ", ".join(f"{rate:.1f}" for rate in rates)


def seconds_of(work: Callable[[int], None], turn: int) -> tuple[float, float]:
    """The time of a turn, and its processor time with that of its child."""
    began, before = time.perf_counter(), os.times()
    work(turn)
    after = os.times()
    processor = sum(after[:4]) - sum(before[:4])
    return time.perf_counter() - began, processor


def work_alone(encoder: Encoder, paths: Sequence[Path]) -> None:
    """Read, decode and encode on a thread for each core."""
    limits, dimensions = limits_of(load_settings()), max(encoder.dimensions)

    def one(path: Path) -> None:
        pixels = decode(path.read_bytes(), encoder.image_size, limits, encoder.geometry)
        encoder.encode_image(pixels, dimensions)

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for _ in threads.map(one, paths):
            pass


def memory() -> None:
    """Resident memory at most, of a plan of 1,000 rows and one of 100,000."""
    most = {}
    with tempfile.TemporaryDirectory() as place:
        picture = Path(place, "small.jpg")
        Image.new("RGB", (32, 32), "navy").save(picture)
        for rows in (1_000, 100_000):
            listed = Path(place, f"{rows}.txt")
            listed.write_text(f"{picture}\n" * rows)
            running = subprocess.Popen(
                command(listed, Path(place, f"vectors-{rows}"), "--dimensions", "512"),
                stderr=subprocess.DEVNULL,
            )
            _, status, usage = os.wait4(running.pid, 0)
            running.returncode = os.waitstatus_to_exitcode(status)
            assert running.returncode == 0
            most[rows] = usage.ru_maxrss / 1024
            print(f"plan of {rows} rows: {most[rows]:.0f} MiB at most", flush=True)
    print(f"difference: {most[100_000] - most[1_000]:+.0f} MiB")


def kills(count: int) -> None:
    """Kill a job at random moments until so many have hit, then let it end, and count rows."""
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as place:
        photos, out = Path(place, "photos"), Path(place, "vectors")
        photos_in(photos, 2_000)
        run = command(photos, out, "--shard", "50")
        hit = 0
        while hit < count:
            with subprocess.Popen(run, stderr=subprocess.DEVNULL) as running:
                time.sleep(chance.uniform(0.1, 2.0))
                if running.poll() is None:
                    running.kill()
                    hit += 1
            if (out / "_SUCCESS").exists():
                # It was done before the last kill: begin anew.
                check(out, 2_000)
                out = out.with_name(f"{out.name}-")
                run = command(photos, out, "--shard", "50")
        subprocess.run(run, check=True, stderr=subprocess.DEVNULL)
        check(out, 2_000)
    print(f"{hit} kills, then a last run: 2000 rows, each once, no file that is half written")


def check(out: Path, rows: int) -> None:
    """Each row is once in the parts, and nothing half written is left."""
    paths = parquet.read_table(out)["image_path"].to_pylist()
    assert len(paths) == len(set(paths)) == rows
    assert not list(out.glob("**/*.partial"))


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("part", choices=["speed", "memory", "kills"])
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--encoder", default=STARTER)
    parser.add_argument("--kills", type=int, default=50)
    asked = parser.parse_args()
    if asked.part == "speed":
        speed(asked.images, asked.encoder)
    elif asked.part == "memory":
        memory()
    else:
        kills(asked.kills)


if __name__ == "__main__":
    main()
