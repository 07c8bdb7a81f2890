"""TIFF and BigTIFF, as Pillow decodes them, without its surprises.

| stored as | becomes |
|---|---|
| grey of 12 or 16 bits | grey, the highest 8 bits of each sample |
| grey of signed 16 or of 32 bits | grey, from its own least to its own greatest value |
| grey of floats | the same, unless all lie within 0 and 1: then 0 is black and 1 is white |
"""

import math
from typing import Final

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import (
    BITSPERSAMPLE,
    IMAGELENGTH,
    IMAGEWIDTH,
    PLANAR_CONFIGURATION,
    SAMPLESPERPIXEL,
    STRIPOFFSETS,
    TILELENGTH,
    TILEOFFSETS,
    TILEWIDTH,
    TiffImageFile,
)

from imgvec.errors import NotAnImage, TooLarge
from imgvec.images.colour import flattened
from imgvec.images.geometry import Picture
from imgvec.images.limits import CountedFile
from imgvec.images.opened import PillowFile

MAX_PIECES: Final = 100_000
"""Strips or tiles of a TIFF. One of 50 megapixels in rows of their own has about 7,000."""

MAX_DECODED: Final = 2
"""How many times the pixels of a TIFF its strips or tiles may have. Tiles of a usual size pass the
edges of a large picture by a few hundredths."""


class _Image(TiffImageFile):
    """TIFF and BigTIFF."""

    def _setup(self) -> None:
        # Pillow makes an object of each, whatever the height of the picture.
        if max(len(self.tag_v2.get(tag, ())) for tag in (STRIPOFFSETS, TILEOFFSETS)) > MAX_PIECES:
            raise TooLarge
        super()._setup()


class TiffFile(PillowFile):
    """A TIFF: its first page."""

    image: TiffImageFile

    def __init__(self, data: bytes) -> None:
        """Read the first directory."""
        super().__init__(_Image(CountedFile(data)))

    def judge(self, most_pixels: int, max_frames: int) -> None:
        """Judge the pixels that are decoded for the first page, and the number of pages.

        `n_frames` would compare each page with all before it, which takes hours for a hostile file.
        """
        tags = self.image.tag_v2
        tile = tags.get(TILEWIDTH, 0) * tags.get(TILELENGTH, 0)
        if tile > most_pixels or _decoded(self.image) > MAX_DECODED * most_pixels:
            raise TooLarge
        try:
            self.image.seek(max_frames)
        except EOFError:
            self.image.seek(0)
        else:
            raise TooLarge

    def load(self, size: int) -> Picture:
        """Decode the page; samples of more than 8 bits of grey become 8."""
        image = self.image
        image.load()
        grey: Image.Image = image
        if image.mode in ("I", "F"):
            grey = _stretched(image)
        elif image.mode.startswith("I;16"):
            shift = image.tag_v2[BITSPERSAMPLE][0] - 8
            grey = Image.fromarray((np.asarray(image) >> shift).astype(np.uint8))
        factor = self.reduction(size)
        return Picture(flattened(grey, factor), self.width, self.height, 1 / factor)


def _stretched(image: Image.Image) -> Image.Image:
    """Map integers or floats to 8 bits by the range that they span.

    Raises:
        NotAnImage: its samples are floats with no finite range.
    """
    low, high = np.asarray(image.getextrema(), np.float64).tolist()
    if not math.isfinite(high - low):
        raise NotAnImage
    if image.mode == "F" and low >= 0.0 and high <= 1.0:
        low, high = 0.0, 1.0
    scale = 255.0 / (high - low) if high > low else 0.0
    return image.point(lambda sample: sample * scale - low * scale).convert("L")


def _decoded(image: TiffImageFile) -> int:
    """Pixels of all strips and tiles: they may share their bytes, overlap and pass the edges."""
    tags = image.tag_v2
    if TILEWIDTH in tags and TILELENGTH in tags:
        wide, high = tags[TILEWIDTH], tags[TILELENGTH]
        across, down = -(-tags[IMAGEWIDTH] // wide), -(-tags[IMAGELENGTH] // high)
        return int(wide * high * across * down)
    pieces = (tile.extents for tile in image.tile if tile.extents is not None)
    pixels = sum((right - left) * (lower - upper) for left, upper, right, lower in pieces)
    planes = tags.get(SAMPLESPERPIXEL, 1) if tags.get(PLANAR_CONFIGURATION) == 2 else 1
    return pixels // max(1, int(planes))
