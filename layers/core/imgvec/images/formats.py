"""The formats that are decoded: each known by its first bytes, never by a name or a label.

Pillow's own `Image.open` is not used. It can reach some forty decoders, loads them all for the
first file that it does not know, and holds its own limit of pixels in a global of the process.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import (
    GifImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL.ImageFile import ImageFile

from imgvec.errors import NotAnImage, RequestError, TooLarge
from imgvec.images.bmp_rle import Bmp
from imgvec.images.limits import MAX_PIECES, CountedFile

_PIECES = (TiffImagePlugin.STRIPOFFSETS, TiffImagePlugin.TILEOFFSETS)
_logger = logging.getLogger(__name__)


class _Jpeg(JpegImagePlugin.JpegImageFile):
    """JPEG, and MPO as the JPEG of its first picture."""

    def _open(self) -> None:
        # Pillow reads the EXIF block for a resolution unless it has one, and warns of its damage.
        self.info["dpi"] = (72, 72)
        super()._open()


class _Tiff(TiffImagePlugin.TiffImageFile):
    """TIFF and BigTIFF."""

    def _setup(self) -> None:
        # Pillow makes an object of each, whatever the height of the picture.
        if max(len(self.tag_v2.get(tag, ())) for tag in _PIECES) > MAX_PIECES:
            raise TooLarge
        super()._setup()


_OPENERS: dict[bytes, type[ImageFile]] = {
    b"\xff\xd8\xff": _Jpeg,
    b"\x89PNG\r\n\x1a\n": PngImagePlugin.PngImageFile,
    b"RIFF": WebPImagePlugin.WebPImageFile,
    b"GIF87a": GifImagePlugin.GifImageFile,
    b"GIF89a": GifImagePlugin.GifImageFile,
    b"BM": Bmp,
    b"II*\0": _Tiff,
    b"MM\0*": _Tiff,
    b"II+\0": _Tiff,
    b"MM\0+": _Tiff,
}


def open_image(data: bytes) -> ImageFile:
    """Read the header of a JPEG, MPO, PNG, WebP, GIF, BMP or TIFF file; no pixel is decoded.

    Raises:
        NotAnImage: it is none of them.
        TooLarge: its header is of more pieces than any picture needs.
        Exception: its header is damaged; see `damage_refused`.
    """
    for signature, opener in _OPENERS.items():
        if data.startswith(signature):
            return opener(CountedFile(data))
    raise NotAnImage


@contextmanager
def damage_refused() -> Iterator[None]:
    """Turn whatever Pillow raises on damaged bytes into `NotAnImage`.

    Everything is caught because Pillow promises no closed set: besides `OSError`, `SyntaxError` and
    `ValueError`, damaged files have raised at least `struct.error`, `EOFError`, `KeyError`,
    `IndexError`, `TypeError`, `OverflowError`, `ZeroDivisionError`, `AttributeError` and
    `MemoryError`.
    """
    try:
        yield
    except RequestError:
        raise
    except Exception as problem:
        _logger.debug("An image was refused: %s", type(problem).__name__)
        raise NotAnImage from None
