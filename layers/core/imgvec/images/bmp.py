"""BMP, with a decoder of run lengths of our own, and opaque where it would show nothing at all.

Pillow's, in Python too, fills rows a pixel at a time, so that a few bytes cost seconds. This one
gives the same pixels: a run costs about a microsecond, and its pixels a copy.
"""

from typing import Final

from PIL import BmpImagePlugin, Image
from PIL.ImageFile import PyDecoder

from imgvec.errors import NotAnImage, TooLarge
from imgvec.images.opened import CountedFile, PillowFile

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


class BmpFile(PillowFile):
    """A BMP."""

    def __init__(self, data: bytes) -> None:
        """Read the header."""
        super().__init__(Bmp(CountedFile(data)))

    def _reduced(self, factor: int) -> Image.Image:
        # An alpha of 0 everywhere is a byte that the writer left unused.
        if self.image.mode == "RGBA" and self.image.getbbox() is None:
            self.image.putalpha(255)
        return super()._reduced(factor)


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
