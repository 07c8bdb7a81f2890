"""Files of at most 1 kB, whose pixels cost as much as their format lets so few bytes ask for.

Each is made for a side in pixels: the picture is a square of about as many pixels, or a long one.
"""

import struct
import zlib
from collections.abc import Callable
from typing import Final

from PIL import Image

from tests.support.images.pictures import encoded, exif

MOST_BYTES: Final = 1_000
TURNED: Final = 5
"""The orientation that costs a copy of the whole picture."""
LONGEST_JPEG: Final = 65_000
"""So long a picture is decoded at full scale, whatever the size that is wanted."""


def rle_bitmap(bits: int, width: int, height: int, runs: bytes) -> bytes:
    """A BMP of 4 or 8 bits, run-length encoded, with two colours."""
    palette = bytes((0, 0, 0, 0, 10, 200, 30, 0))
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, 3 - bits // 4, 0, 0, 0, 2, 2)
    offset = 14 + len(head) + len(palette)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, offset) + head + palette + runs


def ends_of_line(bits: int, side: int) -> bytes:
    """Rows of one pixel; the rest of each row is filled in."""
    return rle_bitmap(bits, side * side // 230, 230, b"\1\1\0\0" * 230)


def jumps(bits: int, side: int) -> bytes:
    """No run at all, each jump 255 rows down."""
    return rle_bitmap(bits, side, side, b"\0\2\xff\xff" * (side // 255 + 1))


def gif_screen(side: int) -> bytes:
    """A frame of one pixel on a large screen that is transparent."""
    screen = struct.pack("<HHBBB", side, side, 0x80, 0, 0) + bytes((0, 0, 0, 250, 250, 250))
    frame = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2\2\x44\1\0"
    return b"GIF89a" + screen + b"!\xf9\4\1\0\0\1\0" + frame + b";"


def png_promise(side: int) -> bytes:
    """The header of a large picture, the data of a few rows."""
    head = struct.pack(">IIBBBBB", side, side, 16, 6, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(300_000))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def jpeg_scans(frame: int, width: int, height: int, components: int, scans: int) -> bytes:
    """A JPEG of empty scans; the decoder walks over every block for each of them."""
    ids = range(1, components + 1)
    progressive = frame in (0xC2, 0xCA)
    parts = b"".join(bytes((number, 0x11, 0)) for number in ids)
    first = bytes((components, *(byte for number in ids for byte in (number, 0))))
    return b"\xff\xd8" + b"".join(
        struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
        for marker, body in (
            (0xDB, b"\0" + bytes((1,) * 64)),
            (frame, struct.pack(">BHHB", 8, height, width, components) + parts),
            (0xC4, b"\0\1" + bytes(16)),
            (0xC4, b"\x10\1" + bytes(16)),
            (0xDA, first + bytes((0, 0 if progressive else 63, 0))),
            *([(0xDA, b"\1\1\0\1\x3f\0")] * scans if progressive else []),
        )
    ) + b"\xff\xd9"  # fmt: skip


def zstd_of_one_byte(size: int) -> bytes:
    """Zstandard (RFC 8878): a byte again and again, 128 KiB from four bytes."""
    blocks = [131_072] * (size // 131_072) + [size % 131_072]
    return b"\x28\xb5\x2f\xfd\0\x58" + b"".join(
        struct.pack("<I", length << 3 | 2 | (number == len(blocks) - 1))[:3] + b"\7"
        for number, length in enumerate(blocks)
    )


def shared_tiff(tags: dict[int, int], pieces: int, samples: int, bits: int, data: bytes) -> bytes:
    """A TIFF all of whose strips (or tiles, with the tag 322) are the same bytes."""
    places, lengths = (324, 325) if 322 in tags else (273, 279)
    end = 8 + 2 + 12 * (len(tags) + 4) + 4
    offsets, counts = end + 2 * samples, end + 2 * samples + 4 * pieces
    start = counts + 4 * pieces
    entries = [(tag, 4, 1, value) for tag, value in tags.items()]
    entries += [(277, 4, 1, samples), (258, 3, samples, end if samples > 2 else bits)]
    entries += [(places, 4, pieces, offsets if pieces > 1 else start)]
    entries += [(lengths, 4, pieces, counts if pieces > 1 else len(data))]
    head = b"II*\0" + struct.pack("<IH", 8, len(entries))
    head += b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries)) + bytes(4)
    head += struct.pack("<H", bits) * samples
    return head + struct.pack("<I", start) * pieces + struct.pack("<I", len(data)) * pieces + data


def _strips(side: int, photometric: int, samples: int, bits: int, format: int = 1) -> bytes:
    """Forty strips, turned."""
    rows = -(-side // 40)
    tags = {256: side, 257: side, 259: 50000, 262: photometric, 274: TURNED, 278: rows, 339: format}
    if photometric == 2 and samples == 4:
        tags[338] = 2
    data = zstd_of_one_byte(rows * side * samples * bits // 8)
    return shared_tiff(tags, pieces=-(-side // rows), samples=samples, bits=bits, data=data)


def _fax(side: int) -> bytes:
    """Group 4: one bit for an empty row."""
    tags = {256: side, 257: side, 259: 4, 262: 0, 278: side}
    return shared_tiff(tags, pieces=1, samples=1, bits=1, data=b"\xff" * min(side // 8 + 1, 800))


def _jpeg_tiles(side: int) -> bytes:
    """Of a picture that is a hundredth as high as its tiles, which are as wide as `side`."""
    side -= side % 16
    tags = {256: 8 * side, 257: side // 100, 259: 7, 262: 6, 322: side, 323: side}
    return shared_tiff(tags, 8, 3, 8, jpeg_scans(0xC2, side, side, 3, 20))


def _jpeg_strip(side: int) -> bytes:
    tags = {256: side, 257: side, 259: 7, 262: 6, 278: side}
    return shared_tiff(tags, 1, 3, 8, jpeg_scans(0xCA, side, side, 3, 60))


def _long_jpeg(frame: int, components: int, side: int) -> bytes:
    return jpeg_scans(frame, LONGEST_JPEG, side * side // LONGEST_JPEG, components, 70)


def _webp(mode: str, side: int) -> bytes:
    image = Image.new(mode, (side, side), 7)
    return encoded(image, "WEBP", lossless=True, method=0, exif=exif(TURNED))


def _png(side: int) -> bytes:
    """At most 1032 bytes of rows from one of the file: 2600 pixels a side, of one bit."""
    image = Image.new("P", (min(side, 2600),) * 2)
    return encoded(image, "PNG", bits=1, transparency=0, compress_level=9)


TINY: Final[dict[str, Callable[[int], bytes]]] = {
    "BMP of 8 bits, ends of line": lambda side: ends_of_line(8, side),
    "BMP of 4 bits, ends of line": lambda side: ends_of_line(4, side),
    "BMP of 8 bits, jumps": lambda side: jumps(8, side),
    "BMP of 4 bits, jumps": lambda side: jumps(4, side),
    "PNG of 1 bit": _png,
    "PNG of a header": png_promise,
    "GIF of a screen": gif_screen,
    "WebP RGB": lambda side: _webp("RGB", side),
    "WebP RGBA": lambda side: _webp("RGBA", side),
    "JPEG": lambda side: _long_jpeg(0xC0, 3, side),
    "JPEG, progressive": lambda side: _long_jpeg(0xC2, 3, side),
    "JPEG, progressive CMYK": lambda side: _long_jpeg(0xC2, 4, side),
    "JPEG, arithmetic": lambda side: _long_jpeg(0xC9, 3, side),
    "JPEG, arithmetic and progressive": lambda side: _long_jpeg(0xCA, 3, side),
    "TIFF of a fax": _fax,
    "TIFF grey": lambda side: _strips(side, 1, 1, 8),
    "TIFF grey of 16 bits": lambda side: _strips(side, 1, 1, 16),
    "TIFF of floats": lambda side: _strips(side, 1, 1, 32, 3),
    "TIFF RGB of 16 bits": lambda side: _strips(side, 2, 3, 16),
    "TIFF RGBA": lambda side: _strips(side, 2, 4, 8),
    "TIFF CMYK": lambda side: _strips(side, 5, 4, 8),
    "TIFF YCbCr": lambda side: _strips(side, 6, 3, 8),
    "TIFF Lab": lambda side: _strips(side, 8, 3, 8),
    "TIFF of a JPEG": _jpeg_strip,
    "TIFF of tiles that pass its edges": _jpeg_tiles,
}
