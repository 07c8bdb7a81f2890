"""The layouts of TIFF that are read; all others are rejected with the layout's name.

| colours (photometric) | bits, format | further samples | planes |
|---|---|---|---|
| grey (0, 1, absent) | 1, 2, 4, 8, 16, 32 unsigned; 12 little-endian | none | either |
| grey (0, 1, absent) | 8, 16, 32 signed; 32 float | none | either |
| grey (1) | 8 unsigned | one: alpha (1, 2), ignored (0) | one |
| palette (3) | 1, 2, 4, 8 unsigned | none | either |
| palette (3) | 8 unsigned | one: alpha (2), ignored (0) | one |
| RGB (2) | 8 unsigned | none, or alpha (1, 2, 999) or ignored (0) | either |
| RGB (2) | 8 unsigned | the same, then one or two that are ignored (0) | one |
| RGB (2) | 16 unsigned | none, or alpha (1, 2) or ignored (0) | either |
| RGB (2) | 8, 16 unsigned | one that no tag explains: alpha as of 2 | one |
| CMYK (5) | 8 unsigned | none, or one or two that are ignored (0) | one |
| CMYK (5) | 8, 16 unsigned | none | either |
| YCbCr (6) | 8 unsigned | none | either |
| L*a*b* (8) | 8 unsigned | none | one |

Where the tag of the colours is absent, zero is white up to 8 bits and black beyond, as Pillow has
it. Alpha of kind 1 is associated: colours are multiplied with it. In separate planes any number of
samples that are ignored may follow. One unexplained sample of 8 bits in a plane of its own is read
too, of an uncompressed picture in strips.

| compression | of |
|---|---|
| none, LZW (5), deflate (8, 32946), PackBits (32773) | all of these |
| LZMA (34925), Zstandard (50000) | all of these |
| JPEG (7) | 8 bits, unsigned |
| JPEG of the old style (6) | YCbCr, whatever the tag says |
| fax (2, 3, 4) | 1 bit of grey |
| ThunderScan (32809) | 4 bits of grey |

Strips and tiles, both byte orders, both orders of bits, and the predictors that libtiff has for the
compression are read in all of them, but for YCbCr that is not compressed: it must say its
subsampling, and in tiles it must have none, lie in one plane and have its bits in the usual order.
YCbCr of one sample, not compressed, is grey.
"""

from dataclasses import dataclass
from typing import Final

from imgvec.errors import NotAnImage
from imgvec.images.tiff_directory import (
    BITS_PER_SAMPLE,
    COMPRESSION,
    EXTRA_SAMPLES,
    FILL_ORDER,
    PHOTOMETRIC,
    PLANAR,
    SAMPLE_FORMAT,
    SAMPLES_PER_PIXEL,
    TILE_OFFSETS,
    YCBCR_SUBSAMPLING,
    Directory,
)

UNSIGNED, SIGNED, FLOAT = 1, 2, 3
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, LAB = 0, 1, 2, 3, 5, 6, 8
SEPARATE: Final = 2
UNCOMPRESSED: Final = 1
LZW: Final = 5

_OLD_JPEG, _JPEG, _THUNDERSCAN = 6, 7, 32809
_FAX: Final = frozenset({2, 3, 4})
_GENERAL: Final = frozenset({UNCOMPRESSED, LZW, 8, 32773, 32946, 34925, 50000})

_UNEXPLAINED: Final = (-1,)
"""A fourth sample of RGB without the tag for it."""
_UNKNOWN: Final = -2
"""More samples, or fewer, than the colours and the tag for further ones make."""
_NONE: Final[tuple[int, ...]] = ()
_ALPHAS: Final = ((0,), (1,), (2,))
_SINGLE: Final = frozenset({_NONE})
_MORE: Final = frozenset((kind, *ignored) for kind in (0, 1, 2) for ignored in ((0,), (0, 0)))

_IN_ONE_PLANE: Final[dict[tuple[int, int, int], frozenset[tuple[int, ...]]]] = {
    **{(WHITE_IS_ZERO, UNSIGNED, bits): _SINGLE for bits in (1, 2, 4, 8, 12, 16, 32)},
    **{(BLACK_IS_ZERO, UNSIGNED, bits): _SINGLE for bits in (1, 2, 4, 12, 16, 32)},
    **{(grey, SIGNED, bits): _SINGLE for grey in (0, 1) for bits in (8, 16, 32)},
    **{(grey, FLOAT, 32): _SINGLE for grey in (0, 1)},
    (BLACK_IS_ZERO, UNSIGNED, 8): frozenset({_NONE, *_ALPHAS}),
    **{(PALETTE, UNSIGNED, bits): _SINGLE for bits in (1, 2, 4)},
    (PALETTE, UNSIGNED, 8): frozenset({_NONE, (0,), (2,)}),
    (RGB, UNSIGNED, 8): frozenset({_NONE, *_ALPHAS, (999,), _UNEXPLAINED, *_MORE}),
    (RGB, UNSIGNED, 16): frozenset({_NONE, *_ALPHAS, _UNEXPLAINED}),
    (CMYK, UNSIGNED, 8): frozenset({_NONE, (0,), (0, 0)}),
    (CMYK, UNSIGNED, 16): _SINGLE,
    (YCBCR, UNSIGNED, 8): _SINGLE,
    (LAB, UNSIGNED, 8): _SINGLE,
}
"""Colours, format and bits, and which further samples they may have."""

_COLOURS: Final = {
    **{
        WHITE_IS_ZERO: "grey",
        BLACK_IS_ZERO: "grey",
        RGB: "RGB",
        PALETTE: "a palette",
        CMYK: "CMYK",
    },
    **{YCBCR: "YCbCr", LAB: "L*a*b*", 4: "a mask", 9: "ICC L*a*b*", 10: "ITU L*a*b*"},
    **{32803: "raw data of a sensor", 34892: "raw data of a sensor"},
    **{32844: "LogL", 32845: "LogLuv"},
}
_FORMATS: Final = {UNSIGNED: "", SIGNED: "signed ", FLOAT: "float "}
_BITS: Final = frozenset({1, 2, 4, 6, 8, 10, 12, 14, 16, 24, 32, 64, 128})
_COMPRESSIONS: Final = {
    **{UNCOMPRESSED: "", LZW: "LZW", 8: "deflate", 32773: "PackBits", 32946: "deflate"},
    **{34925: "LZMA", 50000: "Zstandard", _JPEG: "JPEG", _OLD_JPEG: "JPEG of the old style"},
    **{50001: "WebP", 32771: "fax", _THUNDERSCAN: "ThunderScan", **dict.fromkeys(_FAX, "fax")},
    **{9: "JBIG", 10: "JBIG", 34661: "JBIG", 34676: "SGILog", 34677: "SGILog", 34887: "LERC"},
    **{34712: "JPEG 2000", 33003: "JPEG 2000", 33005: "JPEG 2000", 34892: "lossy JPEG"},
    **{22610: "JPEG XR", 34934: "JPEG XR", 50002: "JPEG XL", 52546: "JPEG XL"},
}
_WHAT_IS_READ: Final = (
    "grey of 1 to 32 bits, palettes, RGB and CMYK of 8 or 16 bits a sample, "
    "YCbCr and L*a*b* of 8 are"
)


@dataclass(frozen=True, slots=True)
class Layout:
    """How the pixels of a page are stored."""

    colours: int
    """As of the tag of photometric interpretation."""
    format: int
    bits: int
    """Of each sample; 0: they differ."""
    extras: tuple[int, ...]
    """Kinds of the samples behind the colours."""
    planes: bool
    """Each sample has a plane of its own."""
    compression: int
    little: bool
    """The byte order."""
    reversed: bool
    """The lowest bit of a byte comes first."""
    tiled: bool
    subsampling: tuple[int, ...]
    """Columns and rows of YCbCr for one of chroma; empty: not said."""

    @classmethod
    def of(cls, directory: Directory) -> "Layout":
        """Read the tags that say it, with the defaults of the standard, and of Pillow.

        Raises:
            struct.error: they lie behind the end of the file.
        """
        compression = directory.value(COMPRESSION, UNCOMPRESSED)
        depths = directory.values(BITS_PER_SAMPLE, (1,))
        colours = directory.value(PHOTOMETRIC, BLACK_IS_ZERO if max(depths) > 8 else WHITE_IS_ZERO)
        if compression == _OLD_JPEG:
            colours = YCBCR
        samples = directory.value(SAMPLES_PER_PIXEL, 3 if compression == _OLD_JPEG else 1)
        if (colours, samples, compression) == (YCBCR, 1, UNCOMPRESSED):
            colours = BLACK_IS_ZERO
        extras = directory.values(EXTRA_SAMPLES)
        count = {RGB: 3, YCBCR: 3, LAB: 3, CMYK: 4}.get(colours, 1)
        planes = directory.value(PLANAR, 1) == SEPARATE and samples > 1
        if planes and extras and not any(extras):
            samples -= len(extras)
            extras = ()
        if colours == RGB and samples == 4 and not extras:
            extras = _UNEXPLAINED
        known = samples == count + (1 if extras == _UNEXPLAINED else len(extras))
        bits = set(depths[: max(1, samples)])
        formats = set(directory.values(SAMPLE_FORMAT, (UNSIGNED,)))
        return cls(
            colours=colours,
            format=formats.pop() if len(formats) == 1 else 0,
            bits=bits.pop() if len(bits) == 1 else 0,
            extras=extras if known else (*extras, _UNKNOWN),
            planes=planes,
            compression=compression,
            little=directory.little,
            reversed=directory.value(FILL_ORDER, 1) == 2,
            tiled=directory.count(TILE_OFFSETS) > 0,
            subsampling=directory.values(YCBCR_SUBSAMPLING),
        )

    @property
    def is_wide(self) -> bool:
        """Whether it is grey whose samples have a range of their own."""
        return self.format != UNSIGNED or self.bits == 32

    @property
    def is_deep_grey(self) -> bool:
        """Whether it is grey whose samples must become 8 bits."""
        grey = self.colours in (WHITE_IS_ZERO, BLACK_IS_ZERO)
        return self.is_wide or (grey and self.bits > 8)

    @property
    def by_libtiff(self) -> bool:
        """Whether libtiff must read it though it is not compressed: Pillow itself would mistake
        planes of 16 bits, reversed bits and subsampled chroma."""
        planes = self.planes and self.extras != _UNEXPLAINED
        chroma = self.colours == YCBCR and self.subsampling != (1, 1)
        return planes or self.reversed or chroma

    def judge(self) -> None:
        """Raise where it is none of the table's.

        Raises:
            NotAnImage: with the layout's name, in words of our own.
        """
        if not (self._colours_are_read() and self._planes_are_read() and self._is_decoded()):
            raise NotAnImage(f"This TIFF has {self._named()}, which is not read; {_WHAT_IS_READ}")

    def _colours_are_read(self) -> bool:
        known = _IN_ONE_PLANE.get((self.colours, self.format, self.bits), frozenset())
        return self.extras in known and (self.bits != 12 or self.little)

    def _planes_are_read(self) -> bool:
        if not self.planes:
            return True
        if self.extras == _UNEXPLAINED:
            plain = self.compression == UNCOMPRESSED and not self.reversed
            return plain and self.bits == 8 and not self.tiled
        alpha = self.colours == RGB and len(self.extras) == 1
        return self.colours != LAB and (alpha or not self.extras)

    def _is_decoded(self) -> bool:
        """Whether the compression is read for these colours."""
        if self.compression in _FAX:
            return self.bits == 1 and self.colours in (WHITE_IS_ZERO, BLACK_IS_ZERO)
        if self.compression == _THUNDERSCAN:
            return self.bits == 4 and self.colours in (WHITE_IS_ZERO, BLACK_IS_ZERO)
        if self.compression in (_JPEG, _OLD_JPEG):
            return self.bits == 8 and self.format == UNSIGNED
        if self.colours == YCBCR and self.compression == UNCOMPRESSED:
            return self.subsampling != _NONE and not (self.by_libtiff and self.tiled)
        return self.compression in _GENERAL

    def _named(self) -> str:
        """The layout in plain words; no number or text of the file but the usual depths."""
        depth = f"{self.bits}-bit" if self.bits in _BITS else "unusual"
        words = f"{_COLOURS.get(self.colours, 'unknown colours')} of {depth} "
        words += f"{_FORMATS.get(self.format, 'unknown ')}samples"
        if any(kind in (1, 2) for kind in self.extras):
            words += " with alpha"
        elif self.extras:
            words += " with further samples"
        if self.bits == 12 and not self.little:
            words += ", big-endian"
        if self.planes:
            words += ", in separate planes"
        named = _COMPRESSIONS.get(self.compression, "unknown")
        return f"{words}, {named} compression" if named else words
