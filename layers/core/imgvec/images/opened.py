"""A file whose header was read, and the files in memory that decoders read from."""

import io
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from PIL import Image
from PIL.ImageFile import ImageFile

from imgvec.errors import TooLarge
from imgvec.images.colour import flattened
from imgvec.images.geometry import Picture, longest

KEPT: Final = 2
"""A picture that is reduced before its resize keeps so many times the encoder's input."""

MAX_READS = 1_000_000
"""Reads from one file. What Pillow parses in Python (markers of a JPEG, chunks of a PNG, blocks of
a GIF, runs of a BMP) takes one or more for each piece, a microsecond or two together with what is
done with it. A GIF of 20 MB has 160,000."""

MANY_PARTS = 100
"""Of a file, between what is dropped of it."""


def too_many_frames(most: int) -> TooLarge:
    """The error of a file with more than `most` frames or pages."""
    return TooLarge(
        f"The image has more than {most:,} frames or pages, send one of them",
        "IMGVEC_MAX_FRAMES sets the limit",
    )


class Opened(ABC):
    """A file of one format."""

    width: int
    height: int
    exif: bytes = b""
    """A block with or without its prefix; empty where there is none."""

    def judge(self, most_pixels: int, max_frames: int) -> None:
        """Judge costs that the size alone does not tell.

        Raises:
            TooLarge: it has more frames, or a cost that only its format has.
        """
        if self.count_frames() > max_frames:
            raise too_many_frames(max_frames)

    def count_frames(self) -> int:
        """Count them; some formats must be read to their end for it."""
        return 1

    @abstractmethod
    def load(self, size: int) -> Picture:
        """Decode the first frame in mode L or RGB, reduced as `reduction` says.

        Raises:
            Exception: it is damaged; see `damage_refused`.
        """

    def reduction(self, size: int) -> int:
        """Rows, and columns, that are averaged to one: the short side keeps `KEPT` times `size`.

        So both sides do, also where they are squashed. A picture that loses its ends before the
        resize is not reduced.
        """
        short, long = sorted((self.width, self.height))
        return 1 if long > longest(short, size) else max(1, short // (KEPT * size))


class PillowFile(Opened):
    """A file that Pillow decodes as a whole."""

    def __init__(self, image: ImageFile, exif: bytes = b"") -> None:
        """Of an image that is not loaded yet."""
        self.image = image
        self.width, self.height = image.size
        self.exif = exif or image.info.get("exif", b"")

    def count_frames(self) -> int:
        """As Pillow counts them."""
        return getattr(self.image, "n_frames", 1)

    def load(self, size: int) -> Picture:
        """Decode the picture, then average boxes of its pixels."""
        self.image.load()
        factor = self.reduction(size)
        return Picture(self._reduced(factor), self.width, self.height, 1 / factor)

    def _reduced(self, factor: int) -> Image.Image:
        """The loaded picture in mode L or RGB, `factor` x `factor` pixels averaged to one."""
        return flattened(self.image, factor)


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
