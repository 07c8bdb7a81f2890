"""Bytes to pixels: the same pixels for the same bytes, or a refusal; never half an image.

Formats, limits, orientation, colour and geometry each have their rules in a module of their own;
together they are the preprocessing version of every encoder's revision.
"""

import numpy as np
from PIL.ImageFile import ImageFile

from imgvec.images.colour import flatten
from imgvec.images.formats import damage_refused, open_image
from imgvec.images.geometry import Picture, exif_orientation, square, upright
from imgvec.images.limits import ImageLimits, judge, judge_file
from imgvec.types import CLIP_GEOMETRY, Geometry, Pixels

__all__ = ["ImageLimits", "decode"]


def decode(
    data: bytes, size: int, limits: ImageLimits, geometry: Geometry = CLIP_GEOMETRY
) -> Pixels:
    """Decode the first frame of an image file to a square, upright, on white, in RGB.

    Colour profiles are ignored. JPEGs of more than four times `size` are decoded at a reduced scale
    of at least twice `size`: a fifth of the time, for 0.3 of 255 levels on average.

    Args:
        data: a JPEG, MPO, PNG, WebP, GIF, BMP or TIFF file.
        size: height and width that the encoder takes.
        limits: the most that the image may have.
        geometry: how the picture becomes a square; by default as OpenAI's CLIP has it.

    Returns:
        `uint8 [size, size, 3]`, C-contiguous.

    Raises:
        TooLarge: a limit is passed.
        NotAnImage: no such file, or a damaged one.
    """
    judge_file(data, limits)
    with damage_refused():
        image = open_image(data)
        judge(image, data, limits)
        picture = _load(image, size)
        exif = image.info.get("exif", b"")
        picture = upright(picture, exif_orientation(exif))
        return np.array(square(picture, size, geometry).convert("RGB"))


def _load(image: ImageFile, size: int) -> Picture:
    """Decode the first frame, at the smallest scale that keeps twice `size` where there are any."""
    width, height = image.size
    drafted = image.draft(None, (2 * size, 2 * size))
    scale = drafted[1][2] / width if drafted else 1.0
    image.load()
    return Picture(image=flatten(image), width=width, height=height, scale=scale)
