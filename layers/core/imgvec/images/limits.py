"""What an image may cost, judged by its header before a pixel is decoded."""

import io
from dataclasses import dataclass

from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TILELENGTH, TILEWIDTH, TiffImageFile

from imgvec.errors import TooLarge

MAX_SCANS = 100
"""Scans of a JPEG. Encoders write about ten, but 75 bytes suffice for one that takes as long as the
whole picture, 35 ms at 50 megapixels ("Two Issues with the JPEG Standard", libjpeg-turbo)."""

MAX_EXIF_BLOCKS = 100
"""EXIF blocks of a JPEG, also of those inside it. One is usual; Pillow joins all that it meets, in
time that grows with their square: minutes for two megabytes."""

MAX_SIDE = 1_000_000
"""Width and height. Pillow keeps 8 bytes for each row beside its pixels, 400 MB for 50 million."""

MAX_READS = 1_000_000
"""Reads from one file. What Pillow parses in Python (markers of a JPEG, chunks of a PNG, blocks of
a GIF, runs of a BMP) takes one or more for each piece, a microsecond or two together with what is
done with it. A GIF of 20 MB has 160,000."""

MAX_PIECES = 100_000
"""Strips or tiles of a TIFF. One of 50 megapixels in rows of their own has about 7,000."""

_SCAN = b"\xff\xda\0"
"""Marker and length of a scan (ITU-T T.81, B.2.3), the same for one to four components. Chance
makes it once in 16 MB, so a film behind the picture does no harm."""

_EXIF = b"Exif\0\0"


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


def judge_file(data: bytes, limits: ImageLimits) -> None:
    """Refuse a file that even its header would make too costly to open.

    Raises:
        TooLarge: it has too many bytes or EXIF blocks.
    """
    if len(data) > limits.max_bytes or data.count(_EXIF) > MAX_EXIF_BLOCKS:
        raise TooLarge


def judge(image: ImageFile, data: bytes, limits: ImageLimits) -> None:
    """Refuse an opened, not yet loaded image that would cost too much.

    Raises:
        TooLarge: it has too many pixels, frames or scans, or is too long.
    """
    if image.width * image.height > limits.max_pixels or max(image.size) > MAX_SIDE:
        raise TooLarge
    if image.format == "JPEG" and data.count(_SCAN) > MAX_SCANS:
        raise TooLarge
    if isinstance(image, TiffImageFile):
        _judge_tiff(image, limits)
    elif getattr(image, "n_frames", 1) > limits.max_frames:
        raise TooLarge


def _judge_tiff(image: TiffImageFile, limits: ImageLimits) -> None:
    """Judge the tiles, which may be larger than the image, and the pages.

    `n_frames` would compare each page with all before it, which takes hours for a hostile file.
    """
    tile = image.tag_v2.get(TILEWIDTH, 0) * image.tag_v2.get(TILELENGTH, 0)
    if tile > limits.max_pixels:
        raise TooLarge
    try:
        image.seek(limits.max_frames)
    except EOFError:
        image.seek(0)
    else:
        raise TooLarge
