"""Bytes to pixels: the same pixels for the same bytes, or an error; never half an image.

Formats, colours and geometry each have their rules in a module of their own; together they are the
preprocessing version of every encoder's revision. The limits on the cost of an image are here: the
header is judged by them before a pixel is decoded.
"""

from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from imgvec.errors import ImageTooLarge, NotAnImage, TooLarge
from imgvec.images.colour import strips
from imgvec.images.essentials import completed
from imgvec.images.formats import damage_refused, open_image
from imgvec.images.geometry import exif_orientation, square, upright
from imgvec.images.jpeg import JpegFile
from imgvec.images.opened import KEPT, Opened
from imgvec.settings import ExtraFormat, Settings
from imgvec.types import CLIP_GEOMETRY, Geometry, Pixels

FREE_PIXELS = 12_000_000
"""Pixels that a file of any length may have: 4000 x 3000, a fifth of a second at the dearest."""

PIXELS_A_BYTE = 4096
"""Of a larger picture. One colour at 50 megapixels is 12 to 2,500 pixels a byte in the formats that
are read; a lossless WebP and a fax of an empty page hold ten times as many, and a hostile file any
number, since a decoder works for each pixel and not for each byte."""

MAX_SIDE = 1_000_000
"""Width and height. Pillow keeps 8 bytes for each row beside its pixels, 400 MB for 50 million."""


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """The most that one image may have; the settings of the same names."""

    max_bytes: int
    max_pixels: int
    max_frames: int
    extra_formats: frozenset[ExtraFormat] = frozenset()
    """Formats that are read beside the usual: their cost is the operator's choice too."""


def decode(
    data: bytes, size: int, limits: ImageLimits, geometry: Geometry = CLIP_GEOMETRY
) -> Pixels:
    """Decode the first frame of an image file to a square, upright, on white, in RGB.

    Colour profiles are ignored. A picture whose short side has at least four times `size` is
    reduced first, to at least twice `size`, by averaging whole boxes of pixels (JPEG: by its
    decoder's own scaling); on average that moves a pixel by less than a level of 255.

    Args:
        data: a JPEG, MPO, PNG, WebP, GIF, BMP or TIFF file, or of one of the extra formats.
        size: height and width that the encoder takes.
        limits: the most that the image may have, and the extra formats that are read.
        geometry: how the picture becomes a square; by default as OpenAI's CLIP has it.

    Returns:
        `uint8 [size, size, 3]`, C-contiguous.

    Raises:
        TooLarge: a limit is passed.
        NotAnImage: no such file, or a damaged one.
    """
    if len(data) > limits.max_bytes:
        raise ImageTooLarge.over(limits.max_bytes)
    with damage_refused():
        file, *twins = completed(data)
        opened = open_image(file, limits.extra_formats)
        judge(opened, file, limits)
        if any(_differ(file, twin, size) for twin in twins):
            raise NotAnImage
        picture = upright(opened.load(size), exif_orientation(opened.exif))
        return np.array(square(picture, size, geometry).convert("RGB"))


def _differ(file: bytes, twin: bytes, size: int) -> bool:
    """Whether two JPEGs of the same header differ in a pixel: reduced, as most that are cut do at a
    tenth of the time, or at full scale."""
    return any(_digest(file, side) != _digest(twin, side) for side in (KEPT * size, MAX_SIDE))


def _digest(jpeg: bytes, side: int) -> bytes:
    """Of the pixels, so that two large pictures need not be held at a time."""
    image = JpegFile(jpeg).image
    image.draft(None, (side, side))
    image.load()
    digest = sha256()
    for _, strip in strips(image):
        digest.update(strip.tobytes())
    return digest.digest()


def judge(opened: Opened, data: bytes, limits: ImageLimits) -> None:
    """Reject a file that would cost too much, before it is decoded.

    Raises:
        TooLarge: it has too many pixels, also for its bytes, too many frames or scans, or is too
            long.
    """
    most = min(limits.max_pixels, max(FREE_PIXELS, PIXELS_A_BYTE * len(data)))
    size = f"The image has {opened.width} x {opened.height} pixels"
    if opened.width * opened.height > limits.max_pixels:
        limit = f"over the limit of {limits.max_pixels:,} pixels"
        raise TooLarge(f"{size}, {limit}", "IMGVEC_MAX_PIXELS sets the limit")
    if opened.width * opened.height > most or max(opened.width, opened.height) > MAX_SIDE:
        raise TooLarge(f"{size}, too many for its file of {len(data):,} bytes")
    opened.judge(most, limits.max_frames)


def limits_of(settings: Settings) -> ImageLimits:
    """The limits that the settings name."""
    return ImageLimits(
        max_bytes=settings.max_image,
        max_pixels=settings.max_pixels,
        max_frames=settings.max_frames,
        extra_formats=frozenset(settings.extra_formats),
    )
