"""Limits on the cost of an image, judged by its header before a pixel is decoded."""

import io
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from imgvec.errors import TooLarge
from imgvec.images.opened import Opened
from imgvec.settings import ExtraFormat, Settings

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


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """The most that one image may have; the settings of the same names."""

    max_bytes: int
    max_pixels: int
    max_frames: int
    extra_formats: frozenset[ExtraFormat] = frozenset()
    """Formats that are read beside the usual: their cost is the operator's choice too."""


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


def judge(opened: Opened, data: bytes, limits: ImageLimits) -> None:
    """Reject a file that would cost too much, before it is decoded.

    Raises:
        TooLarge: it has too many pixels, also for its bytes, too many frames or scans, or is too
            long.
    """
    most = min(limits.max_pixels, max(FREE_PIXELS, PIXELS_A_BYTE * len(data)))
    if opened.width * opened.height > most or max(opened.width, opened.height) > MAX_SIDE:
        raise TooLarge
    opened.judge(most, limits.max_frames)


def limits_of(settings: Settings) -> ImageLimits:
    """The limits that the settings name."""
    return ImageLimits(
        max_bytes=settings.max_image,
        max_pixels=settings.max_pixels,
        max_frames=settings.max_frames,
        extra_formats=frozenset(settings.extra_formats),
    )
