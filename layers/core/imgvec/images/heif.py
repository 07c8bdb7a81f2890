"""AVIF and HEIC, where an operator switches them on: each file is decoded in a process of its own.

The headers of other formats tell their cost. Here a kilobyte that says 64 x 64 has a decoder
work on 8000 x 6000, or on any number of frames that are never shown. A process can be held to what
its header says, in memory and in time, and ends alone if a decoder of that size fails.
"""

import signal
import struct
import sys
from contextlib import suppress
from subprocess import DEVNULL, PIPE, Popen
from typing import Final
from weakref import finalize

from PIL import Image

from imgvec.errors import NotAnImage, TooLarge
from imgvec.images import heif_decoder
from imgvec.images.geometry import Picture
from imgvec.images.heif_decoder import FACTOR, HEADER, LENGTH, PICTURE
from imgvec.images.opened import Opened
from imgvec.settings import ExtraFormat

PROGRAM: Final = heif_decoder.__name__

_ORIENTATION: Final = struct.Struct("<4sIHHHIHH")
"""EXIF with one entry in its directory."""


class HeifFile(Opened):
    """An AVIF or HEIC: its primary image, or the first frame of a sequence."""

    def __init__(self, data: bytes, format: ExtraFormat) -> None:
        """Start the process, which reads the header.

        Raises:
            NotAnImage: it has none, or the process failed.
            TooLarge: the header alone took too long.
        """
        self._child = Popen(
            [sys.executable, "-P", "-m", PROGRAM, format],
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            # Ctrl-C is for the server, which answers first what it has accepted.
            start_new_session=True,
        )
        self._end = finalize(self, _end, self._child)
        self._ask(LENGTH.pack(len(data)), data)
        header: tuple[int, int, int, int] = HEADER.unpack(self._answer(HEADER.size))
        self.width, self.height, self._frames, orientation = header
        self.exif = _ORIENTATION.pack(b"II*\0", 8, 1, 0x0112, 3, 1, orientation, 0)

    def count_frames(self) -> int:
        """Images, or frames of a sequence."""
        return self._frames

    def load(self, size: int) -> Picture:
        """Decode the picture, then average boxes of its pixels, both in the process.

        Raises:
            NotAnImage: it is damaged, or another picture than the header said.
            TooLarge: it took more time than any picture of its size.
        """
        factor = self.reduction(size)
        self._ask(FACTOR.pack(factor))
        is_rgb, *shape = PICTURE.unpack(self._answer(PICTURE.size))
        if shape != [-(-self.width // factor), -(-self.height // factor)]:
            raise NotAnImage
        mode = "RGB" if is_rgb else "L"
        samples = self._answer(shape[0] * shape[1] * len(mode))
        self._end()
        image = Image.frombuffer(mode, (shape[0], shape[1]), samples, "raw", mode, 0, 1)
        return Picture(image, self.width, self.height, 1 / factor)

    def _ask(self, *parts: bytes) -> None:
        with suppress(BrokenPipeError):
            if self._child.stdin is not None:
                self._child.stdin.writelines(parts)
                self._child.stdin.flush()

    def _answer(self, length: int) -> bytes:
        answer = b"" if self._child.stdout is None else self._child.stdout.read(length)
        if len(answer) == length:
            return answer
        if self._child.wait() in _TIMED_OUT:
            raise TooLarge
        raise NotAnImage


_TIMED_OUT: Final = () if sys.platform == "win32" else (-signal.SIGXCPU, -signal.SIGALRM)


def _end(child: Popen[bytes]) -> None:
    child.kill()
    with suppress(BrokenPipeError), child:
        pass
