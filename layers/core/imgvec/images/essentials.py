"""The parts of a JPEG or PNG that decide its pixels: all that a decoder gets to see.

Texts, profiles, resolutions, previews and private data can then neither change a pixel nor, where
they are damaged or huge, sink a picture that is whole. The orientation is read from here.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import shake_128
from typing import Final
from zlib import crc32

from imgvec.errors import TooLarge

MAX_PARTS: Final = 500_000
"""Chunks of a PNG, segments of a JPEG; half a second's work. Pillow reads each at least twice, and
may read a million times."""

JPEG_SIGNATURE: Final = b"\xff\xd8\xff"
PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"

_EXIF: Final = b"Exif\0\0"
_CHUNK: Final = struct.Struct(">I4s")
_CHUNK_FRAME: Final = 12
"""Length, kind and checksum."""
_ANCILLARY: Final = 0x20
"""The bit of a kind's first letter that says: a picture can be shown without."""
_MOST_FRAMES: Final = 1 << 31

_MARKER: Final = re.compile(rb"\xff[^\0\xff\xd0-\xd7]", re.DOTALL)
"""Of a segment, behind any junk and fill bytes. Restarts have no content."""
_SOI, _EOI, _SOS, _COM = 0xD8, 0xD9, 0xDA, 0xFE
_APP0, _APP1, _APP14, _APP15 = 0xE0, 0xE1, 0xEE, 0xEF
_BASELINE: Final = frozenset({0xC0, 0xC1})
_BARE: Final = frozenset({*range(0xC0), 0xC8, _SOI, _EOI, *range(0xF0, 0xFE)})
"""Markers without a length: every decoder rejects them, or skips the two bytes."""
_END: Final = b"\xff\xd9"
_RESTART: Final = re.compile(rb"\xff([\xd0-\xd7])")
_FILLERS: Final = tuple(
    first + shake_128(first).digest(4096).replace(b"\xff", b"\0") for first in (b"\x35", b"\xb5")
)
"""Noise, different from the first bit on. It is longer than ten blocks can be: so many are decoded
together, and those that lie beyond the picture's edges show nothing of it."""


@dataclass(frozen=True, slots=True)
class Essentials:
    """The kept parts of a file, its EXIF data, and its number of frames."""

    parts: list[memoryview]
    exif: bytes
    frames: int = 1


def png_essentials(data: bytes) -> Essentials:
    """Keep all critical chunks and tRNS.

    From the first chunk that is damaged in its frame, everything is kept for the decoder to reject.

    Raises:
        TooLarge: it has more than `MAX_PARTS` chunks.
    """
    whole = memoryview(data)
    parts: list[memoryview] = []
    exif = b""
    frames = begun = count = 0
    in_animation = pixels = False
    at, stop = len(PNG_SIGNATURE), len(data)
    while at + _CHUNK_FRAME <= len(data):
        length, kind = _CHUNK.unpack_from(data, at)
        end = at + _CHUNK_FRAME + length
        if end > len(data) or not kind.isalpha() or kind == b"IEND":
            break
        count += 1
        if count > MAX_PARTS:
            raise TooLarge
        if kind[0] & _ANCILLARY and kind != b"tRNS":
            content = at + 8
            if kind == b"eXIf":
                exif = _EXIF + data[content : end - 4]
            elif kind == b"acTL" and length >= 8 and not pixels and _is_sound(data, at, end):
                (number,) = struct.unpack_from(">I", data, content)
                # A second one makes both void.
                frames = 0 if frames or number > _MOST_FRAMES else number
            elif kind == b"fcTL" and pixels and frames > 1:
                # The second frame, and what is said of it, begin here.
                stop = at
                break
            elif kind == b"fcTL":
                in_animation = True
            if at > begun:
                parts.append(whole[begun:at])
            begun = end
        elif kind == b"IDAT" and not pixels:
            pixels = True
            # A picture for decoders without animation stands before the frames.
            frames += bool(frames and not in_animation)
        at = end
    parts.append(whole[begun:stop])
    return Essentials(parts, exif, max(1, frames))


def _is_sound(data: bytes, at: int, end: int) -> bool:
    """Whether a chunk has its right checksum."""
    return data[end - 4 : end] == crc32(data[at + 4 : end - 4]).to_bytes(4)


def jpeg_essentials(data: bytes) -> Essentials:
    """Drop APP and COM segments before the first scan, but for two that say what colours are.

    Decoders skip those between scans.

    Raises:
        TooLarge: it has more than `MAX_PARTS` segments.
    """
    whole = memoryview(data)
    parts: list[memoryview] = []
    blocks: list[bytes] = []
    begun, dropped = 0, False
    for marker, start, end in _segments(data):
        if dropped:
            # Junk behind it goes with it: Pillow wants a marker at once behind the first.
            begun = start
        dropped = False
        if marker == _SOS or end > len(data):
            break
        if _APP0 <= marker <= _APP15 or marker == _COM:
            content = data[start + 4 : end]
            if marker == _APP1 and content.startswith(_EXIF):
                blocks.append(content.removeprefix(_EXIF))
            dropped = not _tells_colour(marker, content)
        if dropped and start > begun:
            parts.append(whole[begun:start])
    if not dropped:
        parts.append(whole[begun:])
    return Essentials(parts, _EXIF + b"".join(blocks))


def jpeg_scans(data: bytes) -> int:
    """Count the scans of a JPEG, without bytes of other segments that look like one."""
    scans = 0
    for marker, _, _ in _segments(data):
        if marker == _EOI:
            break
        scans += marker == _SOS
    return scans


def completed(data: bytes) -> tuple[bytes, ...]:
    """Give the file as it is, or two of it for a JPEG of one baseline scan that lacks its end.

    Each has other bytes behind those that are there. The scan is complete where both have the same
    pixels, since a decoder then needs none of them.
    """
    if not data.startswith(JPEG_SIGNATURE) or data.endswith(_END):
        return (data,)
    components = 0
    for marker, start, end in _segments(data):
        if end > len(data) or marker == _EOI:
            break
        if marker in _BASELINE:
            components = data[start + 9]
        elif marker == _SOS:
            if components != data[start + 4] or data.rfind(_END, end) >= 0:
                break
            # Half a marker, or half of a byte that is written as two.
            there = data.rstrip(b"\xff")
            number = 0
            for restart in _RESTART.finditer(there, end):
                number = (restart[1][0] + 1) & 7
            following = bytes((0xFF, 0xD0 | number))
            return tuple(there + filler + following + filler + _END for filler in _FILLERS)
    return (data,)


def _tells_colour(marker: int, content: bytes) -> bool:
    """Whether a decoder takes from it what the components are: JFIF's, and Adobe's unless cut."""
    if marker == _APP0:
        return len(content) >= 14 and content.startswith(b"JFIF\0")
    return marker == _APP14 and len(content) >= 12 and content.startswith(b"Adobe")


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of each; an end may lie behind that of the file."""
    at, count = 2, 0
    while found := _MARKER.search(data, at):
        count += 1
        if count > MAX_PARTS:
            raise TooLarge
        at = found.end()
        marker = data[at - 1]
        if marker not in _BARE:
            at += max(2, int.from_bytes(data[at : at + 2]))
        yield marker, found.start(), at
