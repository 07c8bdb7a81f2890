"""A file whose header was read: how large its picture is, before a pixel is decoded."""

from abc import ABC, abstractmethod
from typing import Final

from PIL import Image
from PIL.ImageFile import ImageFile

from imgvec.errors import TooLarge
from imgvec.images.colour import flattened
from imgvec.images.geometry import MAX_ASPECT, Picture

KEPT: Final = 2
"""A picture that is reduced before its resize keeps so many times the encoder's input."""


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
            raise TooLarge

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

        A picture that loses its ends before the resize is not reduced.
        """
        short, long = sorted((self.width, self.height))
        return 1 if long > MAX_ASPECT * short else max(1, short // (KEPT * size))


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
