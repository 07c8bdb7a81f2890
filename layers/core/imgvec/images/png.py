"""PNG, decoded by Pillow, which gets to see the chunks that decide pixels."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from PIL import Image
from PIL.ImageFile import _Tile
from PIL.PngImagePlugin import PngImageFile

from imgvec.images.colour import joined, strips
from imgvec.images.essentials import png_essentials
from imgvec.images.opened import PartsFile, PillowFile

_DEPTH_AT: Final = 24
"""Bits a sample: the byte behind width and height in the header (PNG, 11.2.2)."""


class PngFile(PillowFile):
    """A PNG, and of an APNG the picture that decoders without animation show."""

    def __init__(self, data: bytes) -> None:
        """Read the header.

        Raises:
            TooLarge: it has more chunks than any picture needs.
        """
        kept = png_essentials(data)
        super().__init__(PngImageFile(PartsFile(kept.parts)), kept.exif)
        self._parts, self._frames = kept.parts, kept.frames
        self._bits = data[_DEPTH_AT]

    def count_frames(self) -> int:
        """As the animation says."""
        return self._frames

    def _reduced(self, factor: int) -> Image.Image:
        image = self.image
        key = image.info.get("transparency")
        if image.mode.startswith("I;16"):
            levels = ((top, _high_bits(strip, key)) for top, strip in strips(image, factor))
            return joined(levels, image.size, factor)
        if isinstance(key, tuple) and self._bits == 16:
            return joined(self._without(key, factor), image.size, factor)
        if isinstance(key, int) and image.mode == "L":
            # It is in the file's own bits, where Pillow has made 8 of the samples.
            image.info["transparency"] = key * 255 // ((1 << self._bits) - 1)
        return super()._reduced(factor)

    def _without(self, key: tuple[int, ...], factor: int) -> Iterator[tuple[int, Image.Image]]:
        """Strips of 16-bit RGB, white where all 16 bits are the transparent colour's.

        Pillow keeps the high byte of each sample; read in the other order it is the low one.
        """
        low = PngImageFile(PartsFile(self._parts))
        low.tile = [tile._replace(args=("RGB;16L", *_rest(tile))) for tile in low.tile]
        low.load()
        both = zip(strips(self.image, factor), strips(low, factor), strict=True)
        for (top, highs), (_, lows) in both:
            samples = np.asarray(highs).astype(np.uint16) << 8 | np.asarray(lows)
            clear = (samples == key).all(axis=2, keepdims=True)
            yield top, Image.fromarray(np.where(clear, np.uint8(255), np.asarray(highs)))


def _rest(tile: _Tile) -> tuple[object, ...]:
    """The decoder's arguments behind the order of bytes: whether the picture is interlaced."""
    return tile.args[1:] if isinstance(tile.args, tuple) else ()


def _high_bits(strip: Image.Image, key: int | None) -> Image.Image:
    """The highest 8 bits of 16-bit grey, white where all 16 are the transparent value's."""
    samples = np.asarray(strip)
    grey = (samples >> 8).astype(np.uint8)
    if key is not None:
        grey[samples == key] = 255
    return Image.fromarray(grey)
