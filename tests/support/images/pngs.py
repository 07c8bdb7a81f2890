"""PNGs written by hand: any depth and colour type, transparent colours, Adam7."""

import struct
import zlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

GREY: Final = 0
RGB: Final = 2
PALETTE: Final = 3
GREY_ALPHA: Final = 4
RGB_ALPHA: Final = 6

_ADAM7: Final = (
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8)),
    *((2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)
"""First column and row, and the steps, of each pass (PNG, third edition, 8.1)."""


def png(
    samples: NDArray[np.uint16],
    depth: int,
    colour_type: int,
    clear: bytes = b"",
    palette: bytes = b"",
    interlaced: bool = False,
) -> bytes:
    """A PNG of `[height, width, samples]` in the file's own units; `clear` is its tRNS."""
    height, width = samples.shape[:2]
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    rows = (
        b"\0" + _packed(row, depth)
        for left, top, across, down in passes
        for row in samples[top::down, left::across]
        if row.size
    )
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, interlaced)
    chunks = [
        (b"IHDR", header),
        *([(b"PLTE", palette)] if palette else []),
        *([(b"tRNS", clear)] if clear else []),
        (b"IDAT", zlib.compress(b"".join(rows), 1)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def _packed(row: NDArray[np.uint16], depth: int) -> bytes:
    """Samples one behind another, the first in the highest bits."""
    if depth >= 8:
        return row.astype(f">u{depth // 8}").tobytes()
    bits = (row.ravel()[:, None] >> np.arange(depth - 1, -1, -1)) & 1
    return np.packbits(bits.astype(np.uint8)).tobytes()
