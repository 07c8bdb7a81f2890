"""TIFFs of every layout, written by hand from their samples."""

import lzma
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[Any]
Tag = tuple[int, bytes]
"""The kind of its values, and their bytes."""

SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
ROWS: Final = 8
TILE: Final = 16
_DTYPES: Final = {1: "u", 2: "i", 3: "f"}
_REVERSED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True, slots=True)
class Stored:
    """How the samples are stored; tags are numbered as in TIFF 6.0."""

    photometric: int | None = 1
    format: int = 1
    bits: int = 8
    extras: tuple[int, ...] = ()
    order: str = "<"
    planar: int = 1
    compression: int = 1
    predictor: int = 1
    fill: int = 1
    tiled: bool = False
    more: dict[int, Tag] = field(default_factory=dict)
    """Tags beside those that are needed, or in their place."""


def numbers(order: str, kind: str, *values: int) -> Tag:
    """A tag of SHORT (`H`) or LONG (`I`)."""
    return {"H": 3, "I": 4}[kind], struct.pack(f"{order}{len(values)}{kind}", *values)


def tiff_of(samples: Samples, stored: Stored) -> bytes:
    """Write `[height, width, samples]` as one page."""
    height, width, count = samples.shape
    order = stored.order
    pieces = [_piece(block, stored) for block in _blocks(samples, stored)]
    tags = {
        256: numbers(order, "I", width),
        257: numbers(order, "I", height),
        258: numbers(order, "H", *[stored.bits] * count),
        259: numbers(order, "H", stored.compression),
        266: numbers(order, "H", stored.fill),
        277: numbers(order, "H", count),
        284: numbers(order, "H", stored.planar),
        317: numbers(order, "H", stored.predictor),
        339: numbers(order, "H", *[stored.format] * count),
    }
    if stored.photometric is not None:
        tags[262] = numbers(order, "H", stored.photometric)
    if stored.photometric == 6:
        tags[530] = numbers(order, "H", 1, 1)
    if stored.photometric == 3:
        tags[320] = numbers(order, "H", *(257 * palette(stored.bits).T.ravel()).tolist())
    if stored.extras:
        tags[338] = numbers(order, "H", *stored.extras)
    if stored.tiled:
        tags |= {322: numbers(order, "I", TILE), 323: numbers(order, "I", TILE)}
    else:
        tags[278] = numbers(order, "I", ROWS)
    return assembled(order, tags | stored.more, pieces, 324 if stored.tiled else 273)


def assembled(order: str, tags: dict[int, Tag], pieces: list[bytes], place: int) -> bytes:
    """A header, a directory with its values, and the strips (`place` is 273) or tiles (324)."""
    counts = numbers(order, "I", *map(len, pieces))
    tags = {**tags, place + (6 if place == 273 else 1): counts, place: (4, bytes(4 * len(pieces)))}
    start = 8 + 2 + 12 * len(tags) + 4
    values = sum(len(value) + len(value) % 2 for _, value in tags.values() if len(value) > 4)
    places = np.cumsum([start + values, *map(len, pieces)])[:-1].tolist()
    tags[place] = numbers(order, "I", *places)
    entries, behind = b"", b""
    for tag, (kind, value) in sorted(tags.items()):
        content = value.ljust(4, b"\0")
        if len(value) > 4:
            content = struct.pack(f"{order}I", start + len(behind))
            behind += value + bytes(len(value) % 2)
        entries += struct.pack(f"{order}HHI", tag, kind, len(value) // SIZES[kind]) + content
    head = b"II*\0" if order == "<" else b"MM\0*"
    head += struct.pack(f"{order}IH", 8, len(tags)) + entries + bytes(4)
    return head + behind + b"".join(pieces)


def palette(bits: int) -> NDArray[np.uint16]:
    """`[2**bits, 3]`, of 8 bits."""
    return np.random.default_rng(5).integers(0, 256, (2**bits, 3), np.uint16)


def _blocks(samples: Samples, stored: Stored) -> Iterator[Samples]:
    height, width, count = samples.shape
    planes = [samples]
    if stored.planar == 2:
        planes = [samples[..., sample : sample + 1] for sample in range(count)]
    for plane in planes:
        if stored.tiled:
            padded = np.pad(plane, ((0, -height % TILE), (0, -width % TILE), (0, 0)))
            for top in range(0, height, TILE):
                for left in range(0, width, TILE):
                    yield padded[top : top + TILE, left : left + TILE]
        else:
            for top in range(0, height, ROWS):
                yield plane[top : top + ROWS]


def _piece(block: Samples, stored: Stored) -> bytes:
    raw = _raw(block, stored)
    match stored.compression:
        case 8 | 32946:
            raw = zlib.compress(raw)
        case 34925:
            raw = lzma.compress(raw)
        case 32773:
            raw = b"".join(
                bytes([len(part) - 1]) + part
                for row in range(0, len(raw), len(raw) // len(block))
                for part in _parts(raw[row : row + len(raw) // len(block)])
            )
        case 32809:
            raw = bytes(0xC0 | sample for sample in block.ravel().tolist())
    return raw.translate(_REVERSED) if stored.fill == 2 else raw


def _parts(row: bytes) -> Iterator[bytes]:
    """A literal run has at most 128 bytes."""
    return (row[at : at + 128] for at in range(0, len(row), 128))


def _raw(block: Samples, stored: Stored) -> bytes:
    height, _, count = block.shape
    if stored.bits not in (8, 16, 32, 64):
        shifts = np.arange(stored.bits - 1, -1, -1)
        bits = (block.astype(np.int64)[..., None] >> shifts) & 1
        return np.packbits(bits.astype(np.uint8).reshape(height, -1), axis=1).tobytes()
    size = stored.bits // 8
    if stored.predictor == 3:
        # Bytes of all samples of a row by their weight, then differences (Adobe, TIFF TN 3).
        flat = np.ascontiguousarray(block.astype(f">f{size}")).view(np.uint8)
        planes = flat.reshape(height, -1, size).swapaxes(1, 2).reshape(height, -1)
        return _differences(planes, count).tobytes()
    typed = np.ascontiguousarray(block.astype(f"{_DTYPES[stored.format]}{size}"))
    if stored.predictor == 2:
        unsigned = typed.view(f"u{size}").reshape(height, -1)
        typed = _differences(unsigned, count)
    return typed.astype(typed.dtype.str.replace("<", stored.order)).tobytes()


def _differences(rows: Samples, distance: int) -> Samples:
    changed = rows.copy()
    changed[:, distance:] -= rows[:, :-distance]
    return changed
