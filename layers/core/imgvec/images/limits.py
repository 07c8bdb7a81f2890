"""Limits on the cost of an image, judged by its header before a pixel is decoded."""

import io
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import (
    IMAGELENGTH,
    IMAGEWIDTH,
    PLANAR_CONFIGURATION,
    SAMPLESPERPIXEL,
    TILELENGTH,
    TILEWIDTH,
    TiffImageFile,
)

from imgvec.errors import TooLarge
from imgvec.images.essentials import jpeg_scans
from imgvec.settings import Settings

MAX_SCANS = 100
"""Scans of a JPEG. Encoders write about ten, but 75 bytes suffice for one that takes as long as the
whole picture, 35 ms at 50 megapixels ("Two Issues with the JPEG Standard", libjpeg-turbo)."""

FREE_PIXELS = 12_000_000
"""Pixels that a file of any length may have: 4000 x 3000, a fifth of a second at the dearest."""

PIXELS_A_BYTE = 4096
"""Of a larger picture. One colour at 50 megapixels is 12 to 2,500 pixels a byte in the formats that
are read; a lossless WebP and a fax of an empty page hold ten times as many, and a hostile file any
number, since a decoder works for each pixel and not for each byte."""

MAX_SIDE = 1_000_000
"""Width and height. Pillow keeps 8 bytes for each row beside its pixels, 400 MB for 50 million."""

MAX_READS = 1_000_000
"""Reads from one file. What Pillow parses in Python (markers of a JPEG, chunks of a PNG, blocks of
a GIF, runs of a BMP) takes one or more for each piece, a microsecond or two together with what is
done with it. A GIF of 20 MB has 160,000."""

MANY_PARTS = 100
"""Of a file, between what is dropped of it."""

MAX_PIECES = 100_000
"""Strips or tiles of a TIFF. One of 50 megapixels in rows of their own has about 7,000."""

MAX_DECODED = 2
"""How many times the pixels of a TIFF its strips or tiles may have. Tiles of a usual size pass the
edges of a large picture by a few hundredths."""

_SCAN = b"\xff\xda\0"
"""Marker and length of a scan (ITU-T T.81, B.2.3), the same for one to four components. Few of
them are quickly counted; whether many are scans is another question."""


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """The most that one image may have; the settings of the same names."""

    max_bytes: int
    max_pixels: int
    max_frames: int


class CountedFile(io.BytesIO):
    """A file in memory that may be read from `MAX_READS` times, then `TooLarge` is raised."""

    def __init__(self, data: bytes) -> None:
        """Share the bytes, copy none."""
        super().__init__(data)
        self._left = MAX_READS

    def read(self, size: int | None = -1, /) -> bytes:
        """As of any file."""
        self._left -= 1
        if self._left < 0:
            raise TooLarge
        return super().read(size)


class PartsFile(CountedFile):
    """Parts of a file as if they were all of it; none is copied as a whole."""

    def __init__(self, parts: Sequence[memoryview]) -> None:
        """A file of many small parts is copied: finding one costs more than its bytes."""
        super().__init__(b"")
        self._parts = parts if len(parts) <= MANY_PARTS else [memoryview(b"".join(parts))]
        self._starts = list(accumulate(map(len, self._parts), initial=0))
        self._at = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """As of any file."""
        super().read(0)
        wanted = self._starts[-1] if size is None or size < 0 else size
        found: list[memoryview] = []
        index = bisect_right(self._starts, self._at) - 1
        while wanted > 0 and index < len(self._parts):
            begin = self._at - self._starts[index]
            found.append(self._parts[index][begin : begin + wanted])
            self._at += len(found[-1])
            wanted -= len(found[-1])
            index += 1
        return b"".join(found)

    def tell(self) -> int:
        """As of any file."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """From the start alone, as decoders of JPEG and PNG do."""
        if whence != io.SEEK_SET:
            raise io.UnsupportedOperation
        self._at = offset
        return offset


def judge(image: ImageFile, data: bytes, limits: ImageLimits) -> None:
    """Refuse an opened, not yet loaded image that would cost too much.

    Raises:
        TooLarge: it has too many pixels, also for its bytes, too many frames or scans, or is too
            long.
    """
    most = min(limits.max_pixels, max(FREE_PIXELS, PIXELS_A_BYTE * len(data)))
    if image.width * image.height > most or max(image.size) > MAX_SIDE:
        raise TooLarge
    if image.format == "JPEG" and data.count(_SCAN) > MAX_SCANS and jpeg_scans(data) > MAX_SCANS:
        raise TooLarge
    if isinstance(image, TiffImageFile):
        _judge_tiff(image, most, limits.max_frames)
    elif getattr(image, "n_frames", 1) > limits.max_frames:
        raise TooLarge


def _judge_tiff(image: TiffImageFile, most: int, max_frames: int) -> None:
    """Judge the pixels that are decoded for the first page, and the number of pages.

    `n_frames` would compare each page with all before it, which takes hours for a hostile file.
    """
    tile = image.tag_v2.get(TILEWIDTH, 0) * image.tag_v2.get(TILELENGTH, 0)
    if tile > most or _decoded(image) > MAX_DECODED * most:
        raise TooLarge
    try:
        image.seek(max_frames)
    except EOFError:
        image.seek(0)
    else:
        raise TooLarge


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


def limits_of(settings: Settings) -> ImageLimits:
    """The limits that the settings name."""
    return ImageLimits(
        max_bytes=settings.max_image,
        max_pixels=settings.max_pixels,
        max_frames=settings.max_frames,
    )
