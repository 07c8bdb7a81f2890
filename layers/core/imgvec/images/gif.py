"""GIF: the first frame where it stands on its screen, and white around it.

Browsers show it so on a white page; Pillow fills the rest of the screen with the first colour of
the palette. A first frame that reaches beyond the screen makes the screen larger, for Pillow as for
Chrome. (Firefox cuts the frame off, or takes its size for that of the screen.)

Pillow gets to see the palette, the transparent colour and what begins with the first frame.
Comments and data of applications can then not sink a picture that is whole: where one is empty,
Pillow takes the bytes behind it for its content.
"""

import re
import struct
from collections.abc import Iterator
from typing import Final

from PIL import Image
from PIL.GifImagePlugin import GifImageFile

from imgvec.errors import NotAnImage, TooLarge
from imgvec.images.colour import flattened
from imgvec.images.opened import PartsFile, PillowFile

MAX_BLOCKS: Final = 500_000
"""Of a file, each of up to 255 bytes; a tenth of a second's work. A GIF of 20 MB has 80,000."""

_SCREEN: Final = 13
"""Bytes of the signature and the screen; the flags are the third from the end."""
_FRAME, _END = b",;"
_CONTROL: Final = 0xF9
_INTRODUCER: Final = re.compile(b"[!,;]")
"""Of an extension, a frame or the end, behind any junk."""


class GifFile(PillowFile):
    """A GIF, and of an animation the first frame."""

    def __init__(self, data: bytes) -> None:
        """Read up to the first frame.

        Raises:
            NotAnImage: there is none.
            TooLarge: there are too many blocks before it.
        """
        image = GifImageFile(PartsFile(_first_frame(data)))
        super().__init__(image)
        self._data = data
        frame = image.tile[0].extents
        self._frame = None if frame == (0, 0, *image.size) else frame

    def count_frames(self) -> int:
        """Count the beginnings of frames, up to the file's end or damage."""
        return sum(self._data[start] == _FRAME for start, _ in _blocks(self._data))

    def _reduced(self, factor: int) -> Image.Image:
        return flattened(self.image, factor, self._frame)


def _first_frame(data: bytes) -> list[memoryview]:
    """Screen, palette and transparency, then everything from the first frame on."""
    clear = b""
    for start, end in _blocks(data):
        if data[start] == _FRAME:
            head = _enlarged(data, start) + data[10 : _SCREEN + _palette_bytes(data[10])] + clear
            return [memoryview(head), memoryview(data)[start:]]
        control = data[start + 2 : end]
        # Its flags are the second byte, its transparent colour is the fifth.
        if data[start + 1] == _CONTROL and control[0] and control[1] & 1:
            clear = b"!\xf9\4\1\0\0%c\0" % control[: 1 + control[0]][4]
    raise NotAnImage


def _enlarged(data: bytes, frame: int) -> bytes:
    """Signature and size of a screen that the frame lies on; Pillow has limits on enlarging one."""
    width, height = struct.unpack_from("<HH", data, 6)
    left, top, wide, high = struct.unpack_from("<4H", data, frame + 1)
    sides = max(width, left + wide), max(height, top + high)
    return data[:6] + struct.pack("<HH", *(min(side, 0xFFFF) for side in sides))


def _blocks(data: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of each frame and extension.

    Raises:
        TooLarge: they have more than `MAX_BLOCKS` blocks of data.
    """
    at, count = _SCREEN + _palette_bytes(data[10]), 0
    while found := _INTRODUCER.search(data, at):
        start = found.start()
        if data[start] == _END or start + 10 > len(data):
            return
        at = start + 2
        if data[start] == _FRAME:
            at = start + 11 + _palette_bytes(data[start + 9])
        while at < len(data):
            count += 1
            if count > MAX_BLOCKS:
                raise TooLarge
            length = data[at]
            at += 1 + length
            if not length:
                break
        yield start, at


def _palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
