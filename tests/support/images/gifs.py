"""GIFs written by hand: any frame on any screen, with blocks that Pillow does not write."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Colours = NDArray[np.uint8]
"""`[entries, 3]`; entries are a power of two, 2 to 256."""


def subblocks(content: bytes) -> bytes:
    """Content in blocks of up to 255 bytes, and the empty one that ends them."""
    cut = (content[at : at + 255] for at in range(0, len(content), 255))
    return b"".join(bytes((len(block),)) + block for block in cut) + b"\0"


def extension(label: int, blocks: Sequence[bytes]) -> bytes:
    """An extension of these blocks, each of 1 to 255 bytes."""
    return bytes((0x21, label)) + b"".join(bytes((len(one),)) + one for one in blocks) + b"\0"


def control(transparent: int | None, disposal: int = 0) -> bytes:
    """A graphic control extension."""
    flags = disposal << 2 | (transparent is not None)
    return extension(0xF9, [bytes((flags, 5, 0, transparent or 0))])


@dataclass(frozen=True)
class Gif:
    """A GIF of one frame."""

    frame: NDArray[np.uint8]
    """`[height, width]`, indices."""
    screen: tuple[int, int]
    left: int = 0
    top: int = 0
    common: Colours | None = None
    own: Colours | None = None
    transparent: int | None = None
    background: int = 0
    interlaced: bool = False
    version: bytes = b"89a"
    disposal: int = 0

    def file(self, first: bytes = b"", then: bytes = b"", last: bytes = b"") -> bytes:
        """The file, with more in front of the control, of the frame, and behind the end."""
        flags, palette = _palette(self.common)
        parts = [b"GIF" + self.version]
        parts += [struct.pack("<HHBBB", *self.screen, flags, self.background, 0), palette, first]
        if self.transparent is not None or self.disposal:
            parts.append(control(self.transparent, self.disposal))
        flags, palette = _palette(self.own)
        height, width = self.frame.shape
        place = struct.pack("<4H", self.left, self.top, width, height)
        parts += [then, b",", place, bytes((flags | 0x40 * self.interlaced,)), palette]
        order = np.arange(height)
        if self.interlaced:
            order = np.concatenate([order[0::8], order[4::8], order[2::4], order[1::2]])
        return b"".join([*parts, _lzw(self.frame[order].ravel()), b";", last])

    def shown(self) -> NDArray[np.uint8]:
        """`[height, width, 3]` as browsers show it: white where nothing is."""
        grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
        colours = next((one for one in (self.own, self.common) if one is not None), grey)
        drawn = colours[self.frame]
        if self.transparent is not None:
            drawn = np.where((self.frame == self.transparent)[..., None], np.uint8(255), drawn)
        height, width = self.frame.shape
        wide, high = self.screen
        canvas = np.full(
            (max(high, self.top + height), max(wide, self.left + width), 3), 255, np.uint8
        )
        canvas[self.top : self.top + height, self.left : self.left + width] = drawn
        return canvas


def _palette(colours: Colours | None) -> tuple[int, bytes]:
    if colours is None:
        return 0, b""
    return 0x80 | (len(colours).bit_length() - 2), colours.tobytes()


def _lzw(indices: NDArray[np.uint8]) -> bytes:
    """Codes of one width: the table is cleared before it would need a wider one."""
    clear = 256
    run = clear - 2
    filled = np.full(-(-len(indices) // run) * run, clear + 1, np.uint16)
    filled[: len(indices)] = indices
    rows = filled.reshape(-1, run)
    codes = np.insert(rows, 0, clear, axis=1).ravel()[: len(rows) + len(indices)]
    codes = np.append(codes, np.uint16(clear + 1))
    bits = (codes[:, None] >> np.arange(9)) & 1
    return b"\x08" + subblocks(np.packbits(bits.astype(np.uint8), bitorder="little").tobytes())
