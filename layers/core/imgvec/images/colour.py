"""Colours: any mode of Pillow's becomes grey or RGB, on white, reduced on the way.

| stored as | becomes |
|---|---|
| transparency of any kind | composited on white |
| palette, YCbCr, CIE L*a*b* | RGB, as Pillow converts |
| CMYK | RGB, as Pillow converts; it has inverted Adobe's already |
| 16 bits a sample | the highest 8 bits |

Colour profiles are ignored: samples are taken as sRGB.
"""

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
    width, height = image.size
    rows = factor * max(1, _STRIP_PIXELS // (width * factor))
    if rows >= height:
        return flat(image).reduce(factor)
    mode = "L" if image.mode == "1" else "RGB"
    whole = Image.new(mode, (-(-width // factor), -(-height // factor)))
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(top + rows, height)))
        whole.paste(flat(strip).reduce(factor), (0, top // factor))
    return whole


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
