"""The formats that are decoded: each known by its first bytes, never by a name or a label.

Pillow's own `Image.open` is not used. It can reach some forty decoders, loads them all for the
first file that it does not know, and holds its own limit of pixels in a global of the process.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, get_args

from imgvec.errors import NotAnImage, RequestError
from imgvec.images.bmp import BmpFile
from imgvec.images.essentials import JPEG_SIGNATURE, PNG_SIGNATURE
from imgvec.images.gif import GifFile
from imgvec.images.jpeg import JpegFile
from imgvec.images.opened import Opened
from imgvec.images.png import PngFile
from imgvec.images.tiff import TiffFile
from imgvec.images.webp import open_webp
from imgvec.settings import ExtraFormat
from imgvec.types import ImageFacts

_logger = logging.getLogger(__name__)


_OPENERS: dict[bytes, Callable[[bytes], Opened]] = {
    JPEG_SIGNATURE: JpegFile,
    PNG_SIGNATURE: PngFile,
    b"RIFF": open_webp,
    b"GIF87a": GifFile,
    b"GIF89a": GifFile,
    b"BM": BmpFile,
    b"II*\0": TiffFile,
    b"MM\0*": TiffFile,
    b"II+\0": TiffFile,
}

_NAMES = {
    JPEG_SIGNATURE: "JPEG",
    PNG_SIGNATURE: "PNG",
    b"RIFF": "WebP",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II": "TIFF",
    b"MM": "TIFF",
}
_READ = ("JPEG", "PNG", "WebP", "GIF", "TIFF", "BMP")
_NOT_READ = {
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"%PDF-": "PDF",
    b"MM\0+": "big-endian BigTIFF",
}
_HEIF_BRANDS = {
    b"avif": "AVIF",
    b"avis": "AVIF",
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1"), "HEIC"),
}


HEAD: Final = 1024
"""So many bytes at the beginning of a file tell its format."""
_BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
"""Lengths of the second header, by the versions of BMP."""


def begins_as_image(head: bytes, extra: Collection[ExtraFormat] = ()) -> bool:
    """Whether a file that begins with these `HEAD` bytes has a format that is read.

    More is asked of short signatures than `open_image` does: there a caller says that it is an
    image, here it is one of a folder's files.
    """
    if head.startswith(b"RIFF"):
        return head[8:12] == b"WEBP"
    if head.startswith(b"BM"):
        return int.from_bytes(head[14:18], "little") in _BMP_HEADERS
    if head.startswith(tuple(_OPENERS)):
        return True
    name = format_not_read(head)
    return any(format.upper() == name for format in extra)


def open_image(data: bytes, extra: frozenset[ExtraFormat] = frozenset()) -> Opened:
    """Read the header of a JPEG, MPO, PNG, WebP, GIF, BMP or TIFF file; no pixel is decoded.

    Args:
        data: the file.
        extra: formats that are read beside these.

    Raises:
        NotAnImage: it is none of them.
        TooLarge: its header is of more pieces than any picture needs.
        Exception: its header is damaged; see `damage_refused`.
    """
    for signature, opener in _OPENERS.items():
        if data.startswith(signature):
            return opener(data)
    name = format_not_read(data)
    if name is None:
        raise NotAnImage(f"{NotAnImage.default}: send {formats_read('or', extra)}")
    for format in extra:
        if format.upper() == name:
            # Not needed where none is switched on, as in the cloud.
            from imgvec.images.heif import HeifFile

            return HeifFile(data, format)
    raise NotAnImage(
        f"This is {name}, which is not read; send {formats_read('or', extra)}", hint_for(name)
    )


def formats_read(conjunction: str, extra: Iterable[ExtraFormat] = ()) -> str:
    """The names of the formats that are read, the last one behind the conjunction."""
    *first, last = (*_READ, *sorted(format.upper() for format in extra))
    return f"{', '.join(first)} {conjunction} {last}"


def hint_for(name: str) -> str:
    """How an operator has this format read; empty where it is not one of the extra ones."""
    format = name.lower()
    if format not in get_args(ExtraFormat):
        return ""
    install = "`pip install 'imgvec[heic]'` and " if format == "heic" else ""
    return f"to read {name}: {install}IMGVEC_EXTRA_FORMATS={format}"


def format_not_read(data: bytes) -> str | None:
    """Name a format that people have pictures in, by its first bytes; some are read if asked."""
    for signature, name in _NOT_READ.items():
        if data.startswith(signature):
            return name
    if data[4:8] == b"ftyp":
        # The brand of the file, then those that it is compatible with: mif1 is of both formats.
        box = data[8 : min(int.from_bytes(data[:4]), 256)]
        brands = [box[at : at + 4] for at in range(0, len(box), 4)]
        names = {_HEIF_BRANDS[brand] for brand in brands if brand in _HEIF_BRANDS}
        return min(names, default=None)
    text = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith((b"<svg", b"<?xml", b"<!--", b"<!DOCTYPE svg")) and b"<svg" in text:
        return "SVG"
    return None


def describe(data: bytes, extra: frozenset[ExtraFormat] = frozenset()) -> ImageFacts:
    """Format and size of an image file, by its header.

    Raises:
        NotAnImage: no such file, or its header is damaged.
        TooLarge: its header is of more pieces than any picture needs.
    """
    with damage_refused():
        opened = open_image(data, extra)
    names = (name for signature, name in _NAMES.items() if data.startswith(signature))
    name = next(names, None) or format_not_read(data) or ""
    return ImageFacts(name.lower(), opened.width, opened.height)


@contextmanager
def damage_refused() -> Iterator[None]:
    """Turn whatever a decoder raises on damaged bytes into `NotAnImage`.

    Everything is caught because decoders promise no closed set: besides `OSError`, `SyntaxError`
    and `ValueError`, damaged files have raised at least `struct.error`, `EOFError`, `KeyError`,
    `IndexError`, `TypeError`, `OverflowError`, `ZeroDivisionError`, `AttributeError` and
    `MemoryError`.
    """
    try:
        yield
    except RequestError:
        raise
    except Exception as problem:
        _logger.debug("An image was rejected: %s", type(problem).__name__)
        raise NotAnImage from None
