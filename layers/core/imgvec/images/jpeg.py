"""JPEG, decoded by libjpeg through Pillow, at a reduced scale where the photo is large."""

from typing import Final

from PIL.JpegImagePlugin import JpegImageFile

from imgvec.errors import TooLarge
from imgvec.images.colour import flattened
from imgvec.images.essentials import jpeg_essentials, jpeg_scans
from imgvec.images.geometry import Picture
from imgvec.images.opened import KEPT, PartsFile, PillowFile

MAX_SCANS: Final = 100
"""Scans of a JPEG. Encoders write about ten, but 75 bytes suffice for one that takes as long as the
whole picture, 35 ms at 50 megapixels ("Two Issues with the JPEG Standard", libjpeg-turbo)."""

_SCAN: Final = b"\xff\xda\0"
"""Marker and length of a scan (ITU-T T.81, B.2.3), the same for one to four components. Few of
them are quickly counted; whether many are scans is another question."""


class JpegFile(PillowFile):
    """A JPEG, and of an MPO the first picture."""

    def __init__(self, data: bytes) -> None:
        """Read the header.

        Raises:
            TooLarge: it has more segments than any picture needs.
        """
        kept = jpeg_essentials(data)
        super().__init__(JpegImageFile(PartsFile(kept.parts)), kept.exif)
        self._data = data

    def judge(self, most_pixels: int, max_frames: int) -> None:
        """Judge the number of scans."""
        if self._data.count(_SCAN) > MAX_SCANS and jpeg_scans(self._data) > MAX_SCANS:
            raise TooLarge

    def load(self, size: int) -> Picture:
        """Decode at half, a quarter or an eighth of the scale, if so much is kept."""
        scale = 1.0
        if self.reduction(size) > 1:
            drafted = self.image.draft(None, (KEPT * size, KEPT * size))
            scale = drafted[1][2] / self.width if drafted else 1.0
        self.image.load()
        return Picture(flattened(self.image), self.width, self.height, scale)
