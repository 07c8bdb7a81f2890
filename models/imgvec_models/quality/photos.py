"""Photos to measure with: as they are, as the training read them, and near-duplicates of them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from math import ceil, sqrt
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps
from PIL.Image import Resampling

from imgvec.images.geometry import Picture, square
from imgvec.types import CLIP_GEOMETRY, Geometry, Pixels

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
NOISE = 10
"""Standard deviation of the noise, of 255 levels."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo's file name and its bytes."""

    name: str
    data: bytes


def read_photos(folder: Path) -> list[Photo]:
    """All photos of a folder, by name."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    return [Photo(path.name, path.read_bytes()) for path in paths]


def plain_decode(data: bytes, size: int, geometry: Geometry = CLIP_GEOMETRY) -> Pixels:
    """Read a photo as the training did: full decode, one resize, and a crop where there is one."""
    image = _rgb(data)
    return np.asarray(square(Picture(image, *image.size), size, geometry))


def enlarged(data: bytes, pixels: int) -> bytes:
    """The photo as a JPEG of at least `pixels` pixels, as a camera would give it."""
    image = _rgb(data)
    ratio = sqrt(pixels / (image.width * image.height))
    larger = image.resize(
        (ceil(image.width * ratio), ceil(image.height * ratio)), Resampling.BICUBIC
    )
    return _encoded(larger, "JPEG", quality=90)


def disturbed(pixels: Pixels) -> Pixels:
    """The image with one level more, of 255, in one value of a thousand, always the same ones."""
    chosen = np.random.default_rng(0).random(pixels.shape) < 0.001
    return np.where(chosen & (pixels < 255), pixels + 1, pixels).astype(np.uint8)


def _rgb(data: bytes) -> Image.Image:
    with Image.open(BytesIO(data)) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


def _encoded(image: Image.Image, kind: str, **options: int) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _lossless(image: Image.Image) -> bytes:
    return _encoded(image, "PNG", compress_level=1)


def _compressed(data: bytes) -> bytes:
    return _encoded(_rgb(data), "JPEG", quality=30)


def _halved(data: bytes) -> bytes:
    image = _rgb(data)
    half = (max(1, image.width // 2), max(1, image.height // 2))
    return _lossless(image.resize(half, Resampling.BICUBIC))


def _cropped(data: bytes, edge: float) -> bytes:
    image = _rgb(data)
    left, top = round(image.width * edge), round(image.height * edge)
    return _lossless(image.crop((left, top, image.width - left, image.height - top)))


def _flipped(data: bytes) -> bytes:
    return _lossless(ImageOps.mirror(_rgb(data)))


def _lit(data: bytes, factor: float) -> bytes:
    return _lossless(ImageEnhance.Brightness(_rgb(data)).enhance(factor))


def _noisy(data: bytes) -> bytes:
    values = np.asarray(_rgb(data))
    noise = np.random.default_rng(0).normal(0, NOISE, values.shape)
    return _lossless(Image.fromarray((values + noise).clip(0, 255).astype(np.uint8)))


def _turned(data: bytes, degrees: int) -> bytes:
    return _lossless(_rgb(data).rotate(degrees, Resampling.BICUBIC, expand=True))


NEAR_DUPLICATES: dict[str, Callable[[bytes], bytes]] = {
    "JPEG q30": _compressed,
    "half size": _halved,
    "80 % crop": partial(_cropped, edge=0.1),
    "flip": _flipped,
    "brightness": partial(_lit, factor=1.3),
}
"""Edits that people make to a photo; each gives another file of the same picture."""

CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "darker": partial(_lit, factor=0.7),
    "noise": _noisy,
    "50 % crop": partial(_cropped, edge=0.25),
    "turned by 10": partial(_turned, degrees=10),
    "turned by 90": partial(_turned, degrees=90),
    "turned by 180": partial(_turned, degrees=180),
    "turned by 270": partial(_turned, degrees=270),
}
"""Further changes; thresholds of duplicates are not chosen for them."""
