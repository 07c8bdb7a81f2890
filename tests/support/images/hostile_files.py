"""Image files to be afraid of: every format, mode and depth, damaged ones, and bombs."""

import math
import random
import struct
import zlib
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from tests.support.images.pictures import (
    ORIENTATIONS,
    animation,
    encoded,
    oriented,
    photo,
    png_file,
    tiff_file,
)
from tests.support.images.tiny_files import rle_bitmap

SIZE = (24, 16)
_PICTURE = photo(size=SIZE)
_MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "WEBP": ("L", "RGB", "RGBA"),
    "GIF": ("1", "L", "P", "RGB", "RGBA"),
    "BMP": ("1", "L", "P", "RGB", "RGBA"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F"),
}
_TIFF_COMPRESSIONS = ("tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd", "lzma")


def _picture(mode: str) -> Image.Image:
    return _PICTURE.convert("L").convert(mode) if mode[0] in "IF" else _PICTURE.convert(mode)


def _by_mode() -> Iterator[tuple[str, bytes]]:
    for format, modes in _MODES.items():
        for mode in modes:
            yield f"{format} {mode}", encoded(_picture(mode), format)
    for compression in _TIFF_COMPRESSIONS:
        for mode in _MODES["TIFF"]:
            data = encoded(_picture(mode), "TIFF", compression=compression)
            yield f"TIFF {compression} {mode}", data
    for mode in ("L", "RGB", "CMYK"):
        yield f"JPEG progressive {mode}", encoded(_picture(mode), "JPEG", progressive=True)
    for colour_type, samples in ((0, 1), (2, 3), (4, 2), (6, 4)):
        noise = np.random.default_rng(0).integers(0, 65536, (16, 24, samples), np.uint16)
        yield f"PNG 16 bits, type {colour_type}", png_file(noise, colour_type)
    for bits in (1, 2, 4):
        yield f"PNG palette of {bits} bits", encoded(_PICTURE.quantize(2**bits), "PNG", bits=bits)


def _by_kind() -> Iterator[tuple[str, bytes]]:
    rgb = _picture("RGB")
    yield "WEBP lossless", encoded(rgb, "WEBP", lossless=True)
    yield "GIF interlaced", encoded(rgb, "GIF", interlace=True)
    yield "TIFF group4", encoded(_picture("1"), "TIFF", compression="group4")
    yield "TIFF jpeg", encoded(rgb, "TIFF", compression="jpeg")
    yield "BigTIFF", encoded(rgb, "TIFF", big_tiff=True)
    yield "MPO", encoded(rgb, "MPO", append_images=[rgb])
    yield "JPEG with a profile", encoded(rgb, "JPEG", icc_profile=bytes(70_000))
    for format in ("GIF", "PNG", "WEBP", "TIFF"):
        yield f"{format} of 5 frames", animation(format, 5, SIZE)
    for format in ("JPEG", "PNG", "WEBP", "TIFF"):
        for orientation in ORIENTATIONS:
            yield f"{format} turned {orientation}", oriented(rgb, format, orientation)
    for format in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"):
        for shape in ((1, 1), (1, 3000), (3000, 1)):
            image = Image.new("RGB", shape, "red")
            yield f"{format} {shape[0]} x {shape[1]}", encoded(image, format)


GOOD = dict([*_by_mode(), *_by_kind()])
"""Small files that are all as they should be."""


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The file with one to eight changes: set, cut, doubled, from another file."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        at, length = chance.randrange(len(changed) or 1), chance.choice((1, 1, 1, 2, 4, 30))
        match chance.randrange(6):
            case 0:
                changed[at : at + length] = chance.randbytes(length)
            case 1:
                changed[at : at + length] = chance.choice((b"\xff", b"\0", b"\x7f")) * length
            case 2:
                del changed[at : at + length]
            case 3:
                changed[at:at] = changed[at : at + length]
            case 4:
                # The numbers of a header stand near its beginning.
                changed[at % 64 : at % 64 + 1] = chance.randbytes(1)
            case _:
                changed[at:] = chance.choice(_FILES)[at:]
    return bytes(changed)


_FILES = list(GOOD.values())


def _png(kind: bytes, body: bytes, times: int = 1) -> bytes:
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return _PNG[:_HEADER] + chunk * times + _PNG[_HEADER:]


def _segment(marker: int, body: bytes = b"") -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _jpeg(inserted: bytes) -> bytes:
    return _JPEG[:2] + inserted + _JPEG[2:]


def _gif(*blocks: bytes) -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", 4, 4, 0, 0, 0) + b"".join(blocks) + b";"


def _strips(count: int) -> bytes:
    """A TIFF of one row, in that many strips."""
    tags = [(256, 1), (257, 1), (258, 8), (262, 1), (277, 1), (278, 1)]
    entries = [(tag, 4, 1, value) for tag, value in tags]
    entries += [(273, 4, count, 200), (279, 4, count, 200 + 4 * count)]
    directory = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    head = b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + bytes(4)
    return head.ljust(200, b"\0") + struct.pack("<I", 1) * 2 * count


def _overlapping(size: int) -> bytes:
    """A TIFF whose strips are each the whole picture but for a row, all from the same bytes."""
    count, side = 99_000, math.isqrt(size)
    tags = [(256, side), (257, side), (258, 8), (262, 1), (277, 1), (278, side - 1)]
    entries = [(tag, 4, 1, value) for tag, value in tags]
    entries += [(273, 4, count, 200), (279, 4, count, 200)]
    directory = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    head = b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + bytes(4)
    places = struct.pack("<I", 200) * count
    return (head.ljust(200, b"\0") + places).ljust(200 + side * side, b"\0")


_PNG = png_file(np.zeros((4, 4, 3), np.uint8), 2)
_HEADER = 33
"""Bytes of a PNG's signature and first chunk."""
_JPEG = GOOD["JPEG RGB"]
_FRAME = b"," + struct.pack("<HHHHB", 0, 0, 4, 4, 0) + b"\2"
_EXIF = _segment(0xE1, b"Exif\0\0" + bytes(90))
_PROGRESSIVE = GOOD["JPEG progressive L"]
_SCAN = _PROGRESSIVE[_PROGRESSIVE.rindex(b"\xff\xda") : -2]

BOMBS: dict[str, Callable[[int], bytes]] = {
    "JPEG of empty segments": lambda size: _jpeg(_segment(0xE3) * (size // 4)),
    "JPEG of comments": lambda size: _jpeg(_segment(0xFE) * (size // 4)),
    "JPEG of fill bytes": lambda size: _jpeg(b"\xff" * size),
    "JPEG of EXIF blocks": lambda size: _jpeg(
        _segment(0xE1, b"Exif\0\0" + bytes(90)) * (size // 100)
    ),
    "JPEG of profiles": lambda size: _jpeg(_segment(0xE2, b"ICC_PROFILE\0\1\1") * (size // 18)),
    "JPEG of MPO indices": lambda size: _jpeg(_segment(0xE2, b"MPF\0") * (size // 8)),
    "JPEG of tables": lambda size: _jpeg(_segment(0xDB) * (size // 4)),
    "JPEG of tables among comments": lambda size: _jpeg(
        (_segment(0xDB) + _segment(0xFE)) * (size // 77)
    ),
    "JPEG of scans": lambda size: _PROGRESSIVE[:-2] + _SCAN * (size // len(_SCAN)) + b"\xff\xd9",
    "PNG of texts": lambda size: _png(b"tEXt", b"a\0b", size // 15),
    "PNG of unknown chunks": lambda size: _png(b"abCd", b"", size // 12),
    "PNG of empty pixels": lambda size: _png(b"IDAT", b"", size // 39),
    "PNG of one compressed text": lambda size: _png(b"zTXt", b"a\0\0" + _zeros(1000 * size)),
    "PNG of a compressed profile": lambda size: _png(b"iCCP", b"a\0\0" + _zeros(1000 * size)),
    "GIF of a comment": lambda size: _gif(b"!\xfe" + b"\1a" * (size // 2) + b"\0", _FRAME, b"\0"),
    "GIF of frames": lambda size: _gif((_FRAME + b"\0") * (size // 12)),
    "GIF of small blocks": lambda size: _gif(_FRAME + b"\1\x44" * (size // 2) + b"\0"),
    "GIF of extensions": lambda size: _gif(b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0" * (size // 19)),
    "BMP of runs": lambda size: rle_bitmap(8, 7000, 7000, b"\1\1" * (size // 2)),
    "BMP of literals": lambda size: rle_bitmap(4, 7000, 7000, b"\0\3\x12\x30" * (size // 4)),
    "BMP of ends of line": lambda size: rle_bitmap(8, 7000, 7000, b"\0\0" * (size // 2)),
    "TIFF of strips": lambda size: _strips(size // 8),
    "TIFF of overlapping strips": _overlapping,
}
"""Files of about so many bytes, whose every part a decoder looks at."""


def _zeros(count: int) -> bytes:
    """Zeros, compressed; at most 50 MB of them."""
    return zlib.compress(bytes(min(count, 50_000_000)))


def promised(format: str, width: int, height: int) -> bytes:
    """A file whose header promises a size; it holds next to nothing."""
    head = struct.pack(">II", width, height)
    match format:
        case "PNG":
            data = png_file(np.zeros((1, 1, 3), np.uint8), 2)
            header = data[12:16] + head + data[24:29]
            return data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]
        case "GIF":
            return b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0) + _FRAME + b"\0;"
        case "JPEG":
            at = _JPEG.index(b"\xff\xc0") + 5
            return _JPEG[:at] + struct.pack(">HH", height, width) + _JPEG[at + 4 :]
        case "BMP":
            data = encoded(Image.new("RGB", (1, 1)), "BMP")
            return data[:18] + struct.pack("<ii", width, height) + data[26:]
        case _:
            tags: dict[int, tuple[int, ...]] = {256: (width,), 257: (height,), 258: (8,), 262: (1,)}
            return tiff_file(tags, b"", "I")
