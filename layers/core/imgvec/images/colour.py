"""Colours: any mode of Pillow's becomes grey or RGB, on white, reduced on the way.

| stored as | becomes |
|---|---|
| transparency of any kind | composited on white |
| palette, YCbCr, CIE L*a*b* | RGB, as Pillow converts |
| CMYK | RGB, as Pillow converts; it has inverted Adobe's already |
| 16 bits a sample | the highest 8 bits |

Colour profiles are ignored: samples are taken as sRGB.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from PIL import Image

_TRANSPARENT_MODES: Final = frozenset({"LA", "PA", "RGBA"})
_STRIP_PIXELS: Final = 1 << 19
"""Pixels that are converted at a time, so that no second copy of a large picture is held."""


def flattened(
    image: Image.Image, factor: int = 1, shown: tuple[int, int, int, int] | None = None
) -> Image.Image:
    """Give a loaded image in mode L or RGB; `factor` x `factor` pixels are averaged to one.

    Args:
        image: loaded.
        factor: 1 or more.
        shown: left, top, right and bottom of a part; all around it becomes white.

    Returns:
        Sides as of `image`, divided by `factor` and rounded up.
    """
    plain = image.mode in ("L", "RGB") and "transparency" not in image.info
    if plain and shown is None:
        return image if factor == 1 else image.reduce(factor)
    if image.mode == "LAB":
        # Pillow makes its tables anew with each call.
        image = image.convert("RGB")
    framed = ((top, _framed(flat(strip), shown, top)) for top, strip in strips(image, factor))
    return joined(framed, image.size, factor)


def joined(
    parts: Iterable[tuple[int, Image.Image]], size: tuple[int, int], factor: int
) -> Image.Image:
    """Reduce the strips of a picture, and join them.

    Args:
        parts: strips from the first to the last: the row where each begins, and its pixels.
        size: width and height of the picture.
        factor: rows, and columns, that are averaged to one; it divides the rows of each strip.
    """
    whole: Image.Image | None = None
    for top, part in parts:
        if whole is None:
            whole = Image.new(part.mode, (-(-size[0] // factor), -(-size[1] // factor)))
        whole.paste(part.reduce(factor), (0, top // factor))
    if whole is None:
        raise ValueError("a picture has rows")
    return whole


def strips(image: Image.Image, factor: int = 1) -> Iterator[tuple[int, Image.Image]]:
    """Cut a loaded image into strips, as `joined` takes them."""
    width, height = image.size
    rows = factor * max(1, _STRIP_PIXELS // (width * factor))
    for top in range(0, height, rows):
        yield top, image.crop((0, top, width, min(top + rows, height)))


def _framed(strip: Image.Image, shown: tuple[int, int, int, int] | None, top: int) -> Image.Image:
    """Give the rows of a picture from `top` on, white where they are not shown."""
    if shown is None:
        return strip
    left, upper, right, lower = shown
    upper, lower = (min(max(edge - top, 0), strip.height) for edge in (upper, lower))
    framed = Image.new(strip.mode, strip.size, "white")
    framed.paste(strip.crop((left, upper, right, lower)), (left, upper))
    return framed


def flat(image: Image.Image) -> Image.Image:
    """Give a loaded image in mode L or RGB, of the same size."""
    if image.mode in ("La", "RGBa"):
        image = image.convert(image.mode.upper())
    if image.mode in _TRANSPARENT_MODES or "transparency" in image.info:
        layer = image.convert("RGBA")
        canvas = Image.new("RGB", image.size, "white")
        canvas.paste(layer, mask=layer)
        return canvas
    if image.mode in ("L", "RGB"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")
