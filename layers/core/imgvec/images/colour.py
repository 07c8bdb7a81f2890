"""Colours: any mode of Pillow's becomes grey or RGB, on white, reduced on the way.

| stored as | becomes |
|---|---|
| transparency of any kind | composited on white |
| palette, YCbCr, CIE L*a*b* | RGB, as Pillow converts |
| CMYK | RGB, as Pillow converts; it has inverted Adobe's already |
| 16 bits a sample | the highest 8 bits |

Colour profiles are ignored: samples are taken as sRGB.
"""

from collections.abc import Callable, Iterator
from typing import Final

from PIL import Image

_TRANSPARENT_MODES: Final = frozenset({"LA", "PA", "RGBA"})
_STRIP_PIXELS: Final = 1 << 20
"""Pixels that are converted at a time, so that no second copy of a large picture is held."""


def flattened(image: Image.Image, factor: int = 1) -> Image.Image:
    """Give a loaded image in mode L or RGB; `factor` x `factor` pixels are averaged to one.

    Returns:
        Sides as of `image`, divided by `factor` and rounded up.
    """
    if image.mode in ("L", "RGB") and "transparency" not in image.info:
        return image if factor == 1 else image.reduce(factor)
    return in_strips(image, factor, "L" if image.mode == "1" else "RGB", flat)


def in_strips(
    image: Image.Image, factor: int, mode: str, convert: Callable[[Image.Image], Image.Image]
) -> Image.Image:
    """Convert an image to a mode, a strip of rows at a time, each reduced at once.

    Returns:
        Sides as of `image`, divided by `factor` and rounded up.
    """
    whole = Image.new(mode, (-(-image.width // factor), -(-image.height // factor)))
    for top, strip in strips(image, factor):
        whole.paste(convert(strip).reduce(factor), (0, top // factor))
    return whole


def strips(image: Image.Image, factor: int = 1) -> Iterator[tuple[int, Image.Image]]:
    """Cut a loaded image into strips of some `factor` rows: where each begins, and its pixels."""
    width, height = image.size
    rows = factor * max(1, _STRIP_PIXELS // (width * factor))
    if rows >= height:
        yield 0, image
        return
    for top in range(0, height, rows):
        yield top, image.crop((0, top, width, min(top + rows, height)))


def flat(image: Image.Image) -> Image.Image:
    """Give a loaded image in mode L or RGB, of the same size."""
    if image.mode == "La":
        image = image.convert("LA")
    if image.mode in _TRANSPARENT_MODES or "transparency" in image.info:
        layer = image.convert("RGBA")
        canvas = Image.new("RGB", image.size, "white")
        canvas.paste(layer, mask=layer)
        return canvas
    if image.mode in ("L", "RGB"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")
