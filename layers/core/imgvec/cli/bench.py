"""`imgvec bench`: how fast this machine is."""

import io
import os
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import click

from imgvec.cli.options import Number
from imgvec.cli.terminal import print_table
from imgvec.encoders import Encoder
from imgvec.encoders.registry import load_encoders
from imgvec.images.decode import decode
from imgvec.images.limits import ImageLimits, limits_of
from imgvec.settings import load_settings
from imgvec.types import Pixels


def rate_of(work: Sequence[Callable[[], object]], seconds: float) -> float:
    """How often a second threads do their work, each its own again and again without a pause."""
    started = time.perf_counter()

    def loop(do: Callable[[], object]) -> int:
        done = 0
        while time.perf_counter() < started + seconds:
            do()
            done += 1
        return done

    with ThreadPoolExecutor(len(work)) as pool:
        done = sum(pool.map(loop, work))
    return done / (time.perf_counter() - started)


PHOTOS: Final = {"0.3 MP": (640, 480), "2 MP": (1632, 1224), "12 MP": (4000, 3000)}
SHARE: Final = 0.1
"""Of the seconds, for each of the stages."""


@click.command()
@click.option(
    "--seconds",
    type=Number(min=0.1, max=600),
    default=10.0,
    show_default=True,
    help="About how long to measure.",
)
def bench(seconds: float) -> None:
    """Measure each stage of embedding here, then all cores together.

    Photos are made up for it: JPEGs with a camera's noise. Nothing leaves this machine.
    """
    settings = load_settings()
    encoder = next(iter(load_encoders(settings)))
    click.echo(f"{encoder.name}, one image at a time, {settings.threads} thread(s); ms:", err=True)
    work = _stages(encoder, limits_of(settings))
    rows = [[stage, *_milliseconds(do, SHARE * seconds)] for stage, do in work.items()]
    print_table(["stage", "median", "fastest", "slowest"], rows)
    workers = max(1, (os.cpu_count() or 1) // settings.threads)
    rate = rate_of([work["2 MP, decode and encode"]] * workers, 3 * SHARE * seconds)
    click.echo(f"\n{rate:.1f} images of 2 MP a second, on {workers} at a time.")


def _stages(encoder: Encoder, limits: ImageLimits) -> dict[str, Callable[[], object]]:
    width = max(encoder.dimensions)
    photos = {name: _photo(*size) for name, size in PHOTOS.items()}

    def pixels_of(photo: bytes) -> Pixels:
        return decode(photo, encoder.image_size, limits, encoder.geometry)

    def whole(photo: bytes) -> object:
        return encoder.encode_image(pixels_of(photo), width)

    stages: dict[str, Callable[[], object]] = {
        f"{name}, decode": partial(pixels_of, photo) for name, photo in photos.items()
    }
    pixels = pixels_of(photos["0.3 MP"])
    stages["encode an image"] = partial(encoder.encode_image, pixels, width)
    if encoder.embeds_text:
        stages["encode a text"] = partial(encoder.encode_text, "a photo of a cat", width)
    stages["2 MP, decode and encode"] = partial(whole, photos["2 MP"])
    return stages


def _photo(width: int, height: int) -> bytes:
    """A JPEG of quality 90 with soft shapes and noise, about as many bytes as a camera's."""
    # Slow to import, and not needed for --help.
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(0)
    shapes = Image.fromarray(random.integers(0, 256, (12, 16, 3), np.uint8))
    soft = np.asarray(shapes.resize((width, height), Image.Resampling.BICUBIC), np.float32)
    noisy = soft + random.normal(0.0, 3.0, (height, width, 1)).astype(np.float32)
    file = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=90)
    return file.getvalue()


def _milliseconds(work: Callable[[], object], seconds: float) -> list[str]:
    """Median, least and greatest time of what fits into `seconds`, after one to warm up."""
    work()
    taken: list[float] = []
    while not taken or sum(taken) < seconds * 1000:
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1000)
    return [f"{value:.1f}" for value in (statistics.median(taken), min(taken), max(taken))]
