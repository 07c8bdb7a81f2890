"""PNG, decoded by libvips: in strips, so that a large picture is never held as a whole.

Pillow takes nearly twice as long for a photo of 12 megapixels, and four bytes for each pixel.
libvips is imported at the first PNG. It knows some twenty formats more; all but this one are
blocked.
"""

import struct
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Final

from PIL import Image

from imgvec.errors import NotAnImage
from imgvec.images.colour import flat, flattened, joined, rows
from imgvec.images.essentials import PNG_SIGNATURE, png_essentials
from imgvec.images.geometry import Picture
from imgvec.images.opened import Opened

if TYPE_CHECKING:
    import pyvips

_HEADER: Final = struct.Struct(">I4sII")
_MODES: Final = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


class PngFile(Opened):
    """A PNG, and of an APNG the picture that decoders without animation show."""

    def __init__(self, data: bytes) -> None:
        """Read the header.

        Raises:
            NotAnImage: it has none.
            TooLarge: it has more chunks than any picture needs.
        """
        kept = png_essentials(data)
        self._parts = kept.parts
        self._frames, self.exif = kept.frames, kept.exif
        length, kind, self.width, self.height = _HEADER.unpack_from(data, len(PNG_SIGNATURE))
        if (length, kind) != (13, b"IHDR") or not self.width or not self.height:
            raise NotAnImage

    def count_frames(self) -> int:
        """As the animation says."""
        return self._frames

    def load(self, size: int) -> Picture:
        """Decode strip by strip, each composited on white and reduced at once."""
        vips = _libvips()
        # As a source it is shared, as a buffer copied.
        file = vips.Source.new_from_memory(b"".join(self._parts))
        image = vips.Image.pngload_source(file, access="sequential", fail_on="error")
        image = image.cast("uchar", shift=True)
        factor = self.reduction(size)
        if factor > 1 and not image.hasalpha():
            # In less time than Pillow takes for it. With alpha, boxes are composited first.
            image = image.shrink(factor, factor, ceil=True)
            loaded = flattened(_shared(image.write_to_memory(), image.width, image.bands))
        else:
            loaded = joined(_strips(image, factor), (self.width, self.height), factor)
        return Picture(loaded, self.width, self.height, 1 / factor)


def _strips(image: "pyvips.Image", factor: int) -> Iterator[tuple[int, Image.Image]]:
    """Decode a picture strip by strip, each on white."""
    region = _libvips().Region.new(image)
    for top, bottom in rows((image.width, image.height), factor):
        samples = bytes(region.fetch(0, top, image.width, bottom - top))
        yield top, flat(_shared(samples, image.width, image.bands))


def _shared(samples: bytes, width: int, bands: int) -> Image.Image:
    """An image of samples of 8 bits; it holds the bytes, where Pillow can."""
    mode, height = _MODES[bands], len(samples) // (width * bands)
    return Image.frombuffer(mode, (width, height), samples, "raw", mode, 0, 1)


@cache
def _libvips() -> ModuleType:
    """Import it, with one thread a picture, no cache of results, and no format but PNG."""
    import pyvips

    pyvips.cache_set_max(0)
    pyvips.concurrency_set(1)
    pyvips.operation_block_set("VipsForeignLoad", True)
    pyvips.operation_block_set("VipsForeignLoadPng", False)
    vips: ModuleType = pyvips
    return vips
