"""PNG, decoded by libvips: in strips, so that a large picture is never held as a whole.

Pillow takes nearly twice as long for a photo of 12 megapixels, and four bytes for each pixel.
libvips is imported at the first PNG. It knows some twenty formats more; all but this one are
blocked.
"""

import struct
from functools import cache
from types import ModuleType
from typing import Final

from PIL import Image

from imgvec.errors import NotAnImage
from imgvec.images.colour import flattened
from imgvec.images.essentials import PNG_SIGNATURE, png_essentials
from imgvec.images.geometry import Picture
from imgvec.images.opened import Opened

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
        file = b"".join(self._parts)
        image = _libvips().Image.pngload_buffer(file, access="sequential", fail_on="error")
        if image.format == "ushort":
            image = image.cast("uchar", shift=True)
        factor = self.reduction(size)
        if factor > 1:
            if image.hasalpha():
                # Else what was of 16 bits is taken to be opaque at 65535.
                image = image.flatten(background=255, max_alpha=255)
            image = image.shrink(factor, factor, ceil=True)
        mode = _MODES[image.bands]
        samples: bytes = image.write_to_memory()
        loaded = Image.frombuffer(mode, (image.width, image.height), samples, "raw", mode, 0, 1)
        return Picture(flattened(loaded), self.width, self.height, 1 / factor)


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
