"""BMPs of 16 and 32 bits written by hand, under each header and with any masks."""

import struct

import numpy as np
from numpy.typing import NDArray

Masks = tuple[int, int, int, int]
Words = NDArray[np.uint16] | NDArray[np.uint32]

RGBA = (0xFF, 0xFF00, 0xFF0000, 0xFF000000)
BGRA = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
ABGR = (0xFF000000, 0xFF0000, 0xFF00, 0xFF)
BGAR = (0xFF000000, 0xFF00, 0xFF, 0xFF0000)
NONE = (0, 0, 0, 0)
"""Taken for `BGRA`."""
RGB_1555 = (0x7C00, 0x3E0, 0x1F, 0x8000)

MASKED_HEADERS = (56, 108, 124)
"""Those that have a mask of alpha: `BITMAPV3HEADER`, V4 and V5."""


def bmp_file(
    pixels: Words,
    masks: Masks,
    header: int = 108,
    fields: bool = True,
    upwards: bool = True,
) -> bytes:
    """A BMP of `[height, width]` words.

    Args:
        pixels: as the masks say.
        masks: of red, green, blue and alpha. A header of 40 bytes has none and three behind it, one
            of 52 has three.
        header: bytes of the header, 40 to 124.
        fields: the masks count (`BI_BITFIELDS`); else they are there, and do not.
        upwards: whether the lowest row is first.
    """
    height, width = pixels.shape
    bits = 8 * pixels.dtype.itemsize
    high = height if upwards else -height
    head = struct.pack("<IiiHHI", header, width, high, 1, bits, 3 * fields) + bytes(20)
    head += struct.pack("<4I", *masks)[: 12 if header <= 52 else 16]
    head = head.ljust(header, b"\0")
    rows = np.pad(pixels, ((0, 0), (0, width % 2 if bits == 16 else 0)))[:: -1 if upwards else 1]
    offset = 14 + len(head)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, offset) + head + rows.tobytes()


def packed(rgba: NDArray[np.uint8], masks: Masks, bits: int = 32) -> Words:
    """`[height, width, 4]` of 8 bits as words, each sample cut to the bits of its mask."""
    words = np.zeros(rgba.shape[:2], np.uint64)
    for sample, mask in zip(np.moveaxis(rgba, -1, 0), masks, strict=True):
        shift, width = (mask & -mask).bit_length() - 1, mask.bit_count()
        words |= (sample.astype(np.uint64) >> np.uint64(8 - width)) << np.uint64(shift)
    return words.astype(np.uint16) if bits == 16 else words.astype(np.uint32)
