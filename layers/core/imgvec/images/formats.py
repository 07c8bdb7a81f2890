"""The formats that are decoded: each known by its first bytes, never by a name or a label.

Pillow's own `Image.open` is not used. It can reach some forty decoders, loads them all for the
first file that it does not know, and holds its own limit of pixels in a global of the process.

Run-length encoded BMP has a decoder of its own. Pillow's, in Python too, fills rows a pixel at a
time, so that a few bytes cost seconds. This one gives the same pixels: a run costs about a
microsecond, and its pixels a copy.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL.ImageFile import ImageFile, PyDecoder

from imgvec.errors import NotAnImage, RequestError, TooLarge
from imgvec.images.essentials import (
    JPEG_SIGNATURE,
    PNG_SIGNATURE,
    jpeg_essentials,
    png_essentials,
)
from imgvec.images.limits import MAX_PIECES, CountedFile, PartsFile

MAX_RUNS: Final = 1_000_000
"""Of one file; a second's work."""

_NAME: Final = "imgvec_bmp_rle"
_END_OF_LINE, _END_OF_BITMAP, _DELTA = 0, 1, 2
_HEX_DIGITS: Final = bytes.maketrans(b"0123456789abcdef", bytes(range(16)))


class Bmp(BmpImagePlugin.BmpImageFile):
    """BMP."""

    def _open(self) -> None:
        super()._open()
        self.tile = [
            tile._replace(codec_name=_NAME) if tile.codec_name == "bmp_rle" else tile
            for tile in self.tile
        ]


class _RleDecoder(PyDecoder):
    _pulls_fd = True

    def decode(self, buffer: Image.DecoderInput) -> tuple[int, int]:
        """Decode the file from where it stands."""
        if self.fd is None:
            raise NotAnImage
        start = self.fd.tell()
        runs = _Runs(self.fd.read(), start, self.state.xsize, self.state.ysize, self.args[1])
        rawmode = "L" if self.mode in {"1", "L"} else "P"
        self.set_as_raw(bytes(runs.pixels()), rawmode, (0, self.args[-1]))
        return -1, 0


class _Runs:
    """The runs of one picture."""

    def __init__(self, coded: bytes, start: int, width: int, height: int, fours: bool) -> None:
        """`start` is where `coded` stands in its file; `fours`: two pixels a byte."""
        self._coded = coded
        self._start = start
        self._width = width
        self._whole = width * height
        self._fours = fours

    def pixels(self) -> bytearray:
        """One byte a pixel, from the first row of the file on; fewer where the runs end early.

        Raises:
            TooLarge: it has more than `MAX_RUNS`.
        """
        coded, width, whole = self._coded, self._width, self._whole
        pixels = bytearray()
        at = x = runs = 0
        while len(pixels) < whole and at + 1 < len(coded):
            runs += 1
            if runs > MAX_RUNS:
                raise TooLarge
            count, value = coded[at], coded[at + 1]
            at += 2
            if count:
                # Pixels past the end of a row are dropped.
                count = max(0, min(count, width - x))
                pixels += self._repeated(value, count)
                x += count
            elif value == _END_OF_LINE:
                pixels += bytes(-len(pixels) % width)
                x = 0
            elif value == _END_OF_BITMAP:
                break
            elif value == _DELTA:
                if at + 1 >= len(coded):
                    break
                skipped = coded[at] + coded[at + 1] * width
                at += 2
                pixels += bytes(min(whole - len(pixels), skipped))
                x = len(pixels) % width
            else:
                count = min(whole - len(pixels), value)
                size = (count + 1) // 2 if self._fours else count
                literal = coded[at : at + size]
                pixels += _nibbles(literal)[:count] if self._fours else literal
                if len(literal) < size:
                    break
                at += size
                # The next run begins at an even place in the file.
                at += (self._start + at) % 2
                x += value
        return pixels

    def _repeated(self, value: int, count: int) -> bytes:
        if not self._fours:
            return bytes((value,)) * count
        return (bytes((value >> 4, value & 15)) * ((count + 1) // 2))[:count]


def _nibbles(packed: bytes) -> bytes:
    return packed.hex().encode().translate(_HEX_DIGITS)


Image.register_decoder(_NAME, _RleDecoder)

_PIECES = (TiffImagePlugin.STRIPOFFSETS, TiffImagePlugin.TILEOFFSETS)
_logger = logging.getLogger(__name__)


def _jpeg(data: bytes) -> ImageFile:
    """JPEG, and MPO as the JPEG of its first picture."""
    kept = jpeg_essentials(data)
    image = JpegImagePlugin.JpegImageFile(PartsFile(kept.parts))
    image.info["exif"] = kept.exif
    return image


def _png(data: bytes) -> ImageFile:
    """PNG, and APNG as the PNG of its first picture."""
    kept = png_essentials(data)
    image = PngImagePlugin.PngImageFile(PartsFile(kept.parts))
    image.info["exif"] = kept.exif
    image.n_frames = kept.frames
    return image


class _Tiff(TiffImagePlugin.TiffImageFile):
    """TIFF and BigTIFF."""

    def _setup(self) -> None:
        # Pillow makes an object of each, whatever the height of the picture.
        if max(len(self.tag_v2.get(tag, ())) for tag in _PIECES) > MAX_PIECES:
            raise TooLarge
        super()._setup()


def _other(opener: type[ImageFile]) -> Callable[[bytes], ImageFile]:
    return lambda data: opener(CountedFile(data))


_OPENERS: dict[bytes, Callable[[bytes], ImageFile]] = {
    JPEG_SIGNATURE: _jpeg,
    PNG_SIGNATURE: _png,
    b"RIFF": _other(WebPImagePlugin.WebPImageFile),
    b"GIF87a": _other(GifImagePlugin.GifImageFile),
    b"GIF89a": _other(GifImagePlugin.GifImageFile),
    b"BM": _other(Bmp),
    b"II*\0": _other(_Tiff),
    b"MM\0*": _other(_Tiff),
    b"II+\0": _other(_Tiff),
}

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


def open_image(data: bytes) -> ImageFile:
    """Read the header of a JPEG, MPO, PNG, WebP, GIF, BMP or TIFF file; no pixel is decoded.

    Raises:
        NotAnImage: it is none of them.
        TooLarge: its header is of more pieces than any picture needs.
        Exception: its header is damaged; see `damage_refused`.
    """
    for signature, opener in _OPENERS.items():
        if data.startswith(signature):
            return opener(data)
    name = _format_not_read(data)
    if name is None:
        raise NotAnImage
    raise NotAnImage(f"This is {name}, which is not read; send JPEG, PNG, WebP, GIF, TIFF or BMP")


def _format_not_read(data: bytes) -> str | None:
    """Name a format that people have pictures in, by its first bytes."""
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
