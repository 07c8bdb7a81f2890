"""The formats that are decoded: each known by its first bytes, never by a name or a label.

Pillow's own `Image.open` is not used. It can reach some forty decoders, loads them all for the
first file that it does not know, and holds its own limit of pixels in a global of the process.
"""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL.ImageFile import ImageFile

from imgvec.errors import NotAnImage, RequestError

_logger = logging.getLogger(__name__)


class _Jpeg(JpegImagePlugin.JpegImageFile):
    """JPEG, and MPO as the JPEG of its first picture."""

    def _open(self) -> None:
        # Pillow reads the EXIF block for a resolution unless it has one, and warns of its damage.
        self.info["dpi"] = (72, 72)
        super()._open()


_OPENERS: dict[bytes, type[ImageFile]] = {
    b"\xff\xd8\xff": _Jpeg,
    b"\x89PNG\r\n\x1a\n": PngImagePlugin.PngImageFile,
    b"RIFF": WebPImagePlugin.WebPImageFile,
    b"GIF87a": GifImagePlugin.GifImageFile,
    b"GIF89a": GifImagePlugin.GifImageFile,
    b"BM": BmpImagePlugin.BmpImageFile,
    b"II*\0": TiffImagePlugin.TiffImageFile,
    b"MM\0*": TiffImagePlugin.TiffImageFile,
    b"II+\0": TiffImagePlugin.TiffImageFile,
    b"MM\0+": TiffImagePlugin.TiffImageFile,
}


def open_image(data: bytes) -> ImageFile:
    """Read the header of a JPEG, MPO, PNG, WebP, GIF, BMP or TIFF file; no pixel is decoded.

    Raises:
        NotAnImage: it is none of them.
        Exception: its header is damaged; see `damage_refused`.
    """
    for signature, opener in _OPENERS.items():
        if data.startswith(signature):
            return opener(io.BytesIO(data))
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
