"""The first directory of a TIFF: what says how its pixels are stored, without the rest.

Pillow, and libtiff below it, read every tag of a directory, and a description that points behind
the end of the file, a resolution of 0/0 or an EXIF directory in a loop has sunk a picture. So they
are given the same file with a directory that holds only what they need.
"""

import struct
from typing import Final

from imgvec.errors import NotAnImage, TooLarge

IMAGE_WIDTH: Final = 256
IMAGE_LENGTH: Final = 257
BITS_PER_SAMPLE: Final = 258
COMPRESSION: Final = 259
PHOTOMETRIC: Final = 262
FILL_ORDER: Final = 266
STRIP_OFFSETS: Final = 273
ORIENTATION: Final = 274
SAMPLES_PER_PIXEL: Final = 277
PLANAR: Final = 284
TILE_WIDTH: Final = 322
TILE_LENGTH: Final = 323
TILE_OFFSETS: Final = 324
EXTRA_SAMPLES: Final = 338
SAMPLE_FORMAT: Final = 339
YCBCR_SUBSAMPLING: Final = 530
GDAL_NODATA: Final = 42113

_NEEDED: Final = frozenset(
    {
        *range(256, 260),  # width, length, bits, compression
        *(262, 266, 273, 277, 278, 279, 284),  # colours, order of bits, strips, samples, planes
        *(292, 293),  # options of a fax
        *(317, 320, *range(322, 326)),  # predictor, palette, tiles
        *(338, 339, 347),  # further samples, their format, tables of a JPEG
        *range(512, 522),  # JPEG of the old style
        *(529, 530, 532),  # YCbCr
    }
)
_KINDS: Final = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 16: "Q"}
"""Whole numbers (TIFF 6.0, page 15; BigTIFF: 16)."""
_ASCII: Final = 2
_KNOWN_KINDS: Final = frozenset({*range(1, 14), 16})
_MAX_ENTRIES: Final = 65_535
"""All that TIFF can count; BigTIFF counts further."""
_MAX_VALUES: Final = 65_535
_MAX_TEXT: Final = 100


class Directory:
    """The first directory of a TIFF or a little-endian BigTIFF."""

    def __init__(self, data: bytes) -> None:
        """Read its entries; what they point to is left.

        Raises:
            NotAnImage: it is cut short.
            TooLarge: it has more entries than a TIFF can have.
            struct.error: it begins behind the end of the file.
        """
        self.little = data.startswith(b"II")
        big = data[2:4] == b"+\0"
        order = "<" if self.little else ">"
        self._order = order
        self._pointer = struct.Struct(order + ("Q" if big else "I"))
        self._count = struct.Struct(order + ("Q" if big else "H"))
        self._entry = struct.Struct(order + ("HHQ8s" if big else "HHI4s"))
        self._data = data
        (self._at,) = self._pointer.unpack_from(data, 8 if big else 4)
        (count,) = self._count.unpack_from(data, min(self._at, len(data)))
        if count > _MAX_ENTRIES:
            raise TooLarge
        start = self._at + self._count.size
        entries = data[start : start + count * self._entry.size]
        if len(entries) < count * self._entry.size:
            raise NotAnImage
        self._entries: dict[int, tuple[int, int, bytes]] = {}
        for tag, kind, values, field in self._entry.iter_unpack(entries):
            if kind in _KNOWN_KINDS:
                self._entries.setdefault(tag, (kind, values, field))

    def count(self, tag: int) -> int:
        """How many values a tag promises."""
        return self._entries.get(tag, (0, 0, b""))[1]

    def values(self, tag: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """The whole numbers of a tag; the default where it is absent, empty or of another kind.

        Raises:
            struct.error: they lie behind the end of the file.
        """
        kind, count, _ = self._entries.get(tag, (0, 0, b""))
        if kind not in _KINDS or count == 0:
            return default
        form = f"{self._order}{min(count, _MAX_VALUES)}{_KINDS[kind]}"
        return struct.unpack(form, self._content(tag, struct.calcsize(form)))

    def value(self, tag: int, default: int) -> int:
        """The first of its numbers."""
        return self.values(tag, (default,))[0]

    def text(self, tag: int) -> str:
        """A short text; empty where it is absent, long or of another kind."""
        kind, count, _ = self._entries.get(tag, (0, 0, b""))
        if kind != _ASCII or count > _MAX_TEXT:
            return ""
        return self._content(tag, count).decode("latin-1").strip(" \0")

    def orientation(self) -> bytes:
        """An EXIF block that has the tag 274 alone; empty where there is none."""
        kind, count, field = self._entries.get(ORIENTATION, (0, 0, b""))
        if count != 1:
            return b""
        head = b"II*\0" if self.little else b"MM\0*"
        return head + struct.pack(f"{self._order}IHHHI4s", 8, 1, ORIENTATION, kind, 1, field[:4])

    def pages(self, most: int) -> int:
        """Count the directories, up to one more than `most`; a loop ends them."""
        seen: set[int] = set()
        at = self._at
        while 0 < at < len(self._data) and at not in seen and len(seen) <= most:
            seen.add(at)
            try:
                (entries,) = self._count.unpack_from(self._data, at)
                following = at + self._count.size + entries * self._entry.size
                (at,) = self._pointer.unpack_from(self._data, min(following, len(self._data)))
            except struct.error:
                break
        return len(seen)

    def file(self) -> bytes:
        """The file with one directory, in the same place, of the tags that are needed.

        It is not longer, so that a strip that is cut short still ends before its pixels.
        """
        entries = sorted(entry for entry in self._entries.items() if entry[0] in _NEEDED)
        packed = b"".join(self._entry.pack(tag, *entry) for tag, entry in entries)
        directory = self._count.pack(len(entries)) + packed + self._pointer.pack(0)
        whole = memoryview(self._data)
        return b"".join((whole[: self._at], directory, whole[self._at + len(directory) :]))

    def _content(self, tag: int, size: int) -> bytes:
        field = self._entries[tag][2]
        if self._size(tag) <= len(field):
            return field[:size]
        (at,) = self._pointer.unpack(field)
        return self._data[at : at + size]

    def _size(self, tag: int) -> int:
        kind, count, _ = self._entries[tag]
        return count * (struct.calcsize(f"={_KINDS[kind]}") if kind in _KINDS else 1)
