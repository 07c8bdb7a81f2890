"""What an image may cost, judged by its header before a pixel is decoded."""

from dataclasses import dataclass

from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TILELENGTH, TILEWIDTH, TiffImageFile

from imgvec.errors import TooLarge

MAX_SCANS = 100
"""Scans of a JPEG. Encoders write about ten, but 75 bytes suffice for one that takes as long as the
whole picture, 35 ms at 50 megapixels ("Two Issues with the JPEG Standard", libjpeg-turbo)."""

MAX_RUN_LENGTH_BYTES = 2_000_000
"""Size of a run-length encoded BMP, which Pillow decodes in Python: 0.5 s for a megabyte."""

_SCAN = b"\xff\xda\0"
"""Marker and length of a scan (ITU-T T.81, B.2.3), the same for one to four components. Chance
makes it once in 16 MB, so a film behind the picture does no harm."""

_BMP_RUN_LENGTHS = (1, 2)
"""Compression RLE8 and RLE4; the other formats name theirs in words."""


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """The most that one image may have; the settings of the same names."""

    max_bytes: int
    max_pixels: int
    max_frames: int


def judge(image: ImageFile, data: bytes, limits: ImageLimits) -> None:
    """Refuse an opened, not yet loaded image that would cost too much.

    Raises:
        TooLarge: it has too many pixels, frames or scans.
    """
    if image.width * image.height > limits.max_pixels:
        raise TooLarge
    if image.format == "JPEG" and data.count(_SCAN) > MAX_SCANS:
        raise TooLarge
    if image.info.get("compression") in _BMP_RUN_LENGTHS and len(data) > MAX_RUN_LENGTH_BYTES:
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
