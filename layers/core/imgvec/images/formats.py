"""The formats that are decoded: each known by its first bytes, never by a name or a label.

Pillow's own `Image.open` is not used. It can reach some forty decoders, loads them all for the
first file that it does not know, and holds its own limit of pixels in a global of the process.

Run-length encoded BMP has a decoder of its own. Pillow's, in Python too, fills rows a pixel at a
time, so that a few bytes cost seconds. This one gives the same pixels: a run costs about a
microsecond, and its pixels a copy.
"""

import logging
from collections.abc import Iterator
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
from imgvec.images.limits import MAX_PIECES, CountedFile

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
