"""Bytes to pixels: the same pixels for the same bytes, or an error; never half an image.

Formats, limits and geometry each have their rules in a module of their own; with those of colour,
which are here, they are the preprocessing version of every encoder's revision.

| stored as | becomes |
|---|---|
| transparency of any kind | composited on white |
| palette, YCbCr, CIE L*a*b* | RGB, as Pillow converts |
| CMYK | RGB, as Pillow converts; it has inverted Adobe's already |
| grey of 12 or 16 bits | grey, the highest 8 bits of each sample, as Pillow does for colour |
| grey of signed 16 or of 32 bits | grey, from its own least to its own greatest value |
| grey of floats | the same, unless all lie within 0 and 1: then 0 is black and 1 is white |

Colour profiles are ignored: samples are taken as sRGB.
"""

import math

import numpy as np
from PIL import Image, ImageChops, TiffImagePlugin
from PIL.ImageFile import ImageFile

from imgvec.errors import NotAnImage, TooLarge
from imgvec.images.essentials import completed
from imgvec.images.formats import damage_refused, open_image
from imgvec.images.geometry import Picture, exif_orientation, square, upright
from imgvec.images.limits import MAX_SIDE, ImageLimits, judge
from imgvec.types import CLIP_GEOMETRY, Geometry, Pixels

__all__ = ["ImageLimits", "decode"]

_TRANSPARENT_MODES = frozenset({"LA", "PA", "RGBA"})
_BITS_PER_SAMPLE = 258


def flatten(image: Image.Image) -> Image.Image:
    """Give a loaded image as mode L or RGB, of the same size.

    Raises:
        NotAnImage: its samples are floats with no finite range.
    """
    if image.mode in ("I", "F"):
        return _stretched(image)
    if image.mode.startswith("I;16"):
        return _high_bits(image)
    if image.mode == "La":
        image = image.convert("LA")
    if image.mode in _TRANSPARENT_MODES or "transparency" in image.info:
        return _on_white(image)
    if image.mode in ("L", "RGB"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _on_white(image: Image.Image) -> Image.Image:
    """Composite an image that has an alpha channel, or a colour that stands for transparency."""
    key = image.info.get("transparency")
    if isinstance(key, tuple) and max(key) > 255:
        # Of 16-bit colour Pillow keeps the high bytes, but not of the colour to compare with.
        image.info["transparency"] = tuple(sample >> 8 for sample in key)
    # A conversion to its own mode would be one more copy of a picture that may have 200 MB.
    layer = image if image.mode == "RGBA" else image.convert("RGBA")
    canvas = Image.new("RGB", image.size, "white")
    canvas.paste(layer, mask=layer)
    return canvas


def _high_bits(image: Image.Image) -> Image.Image:
    """Scale unsigned 12-bit or 16-bit grey; a PNG's transparent value becomes white."""
    samples = np.asarray(image)
    shift = 8
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        shift = image.tag_v2[_BITS_PER_SAMPLE][0] - 8
    grey = (samples >> shift).astype(np.uint8)
    transparent = image.info.get("transparency")
    if transparent is not None:
        grey[samples == transparent] = 255
    return Image.fromarray(grey)


def _stretched(image: Image.Image) -> Image.Image:
    """Map integers or floats to 8 bits by the range that they span."""
    low, high = np.asarray(image.getextrema(), np.float64).tolist()
    if not math.isfinite(high - low):
        raise NotAnImage
    if image.mode == "F" and low >= 0.0 and high <= 1.0:
        low, high = 0.0, 1.0
    scale = 255.0 / (high - low) if high > low else 0.0
    return image.point(lambda sample: sample * scale - low * scale).convert("L")


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
    if len(data) > limits.max_bytes:
        raise TooLarge
    with damage_refused():
        file, *twins = completed(data)
        image = open_image(file)
        judge(image, file, limits)
        if any(_differ(file, twin, size) for twin in twins):
            raise NotAnImage
        picture = _load(image, size)
        exif = image.info.get("exif", b"")
        picture = upright(picture, exif_orientation(exif))
        return np.array(square(picture, size, geometry).convert("RGB"))


def _differ(file: bytes, twin: bytes, size: int) -> bool:
    """Whether two JPEGs of the same header differ in a pixel: reduced, as most that are cut do at a
    tenth of the time, or at full scale."""
    for side in (2 * size, MAX_SIDE):
        pair = open_image(file), open_image(twin)
        for image in pair:
            image.draft(None, (side, side))
        if ImageChops.difference(*pair).getbbox():
            return True
    return False


def _load(image: ImageFile, size: int) -> Picture:
    """Decode the first frame, at the smallest scale that keeps twice `size` where there are any."""
    width, height = image.size
    drafted = image.draft(None, (2 * size, 2 * size))
    scale = drafted[1][2] / width if drafted else 1.0
    image.load()
    return Picture(image=flatten(image), width=width, height=height, scale=scale)
