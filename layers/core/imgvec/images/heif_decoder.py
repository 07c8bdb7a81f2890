"""The program that decodes one AVIF or HEIC, as `heif.py` starts it: file in, picture out.

It bounds itself: memory and processor time follow from the pixels that the header names, and what
passes them ends this process alone. Where there are no such limits (Windows, and memory on macOS),
only the pixels bound it.

| stored as | becomes |
|---|---|
| 10 or 12 bits a sample | the highest 8 bits, by the decoders |
| transparency | composited on white |
| several images, a sequence | the primary image, the first frame |
| turned or mirrored by the container | AVIF: its orientation is told; HEIC: upright |
| EXIF, XMP, profiles | ignored: the container's word is the only one on orientation |
"""

import math
import re
import signal
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Final

from PIL import Image

from imgvec.images.colour import flattened

LENGTH: Final = struct.Struct("<Q")
"""Of the file, which follows."""
HEADER: Final = struct.Struct("<IIII")
"""The answer: width, height, frames, orientation."""
FACTOR: Final = struct.Struct("<I")
"""The question after it: how many rows, and columns, are averaged to one."""
PICTURE: Final = struct.Struct("<?II")
"""The answer to that: whether in RGB (else L), width and height; the samples follow."""

BASE_BYTES: Final = 96 << 20
"""Of memory beside the file and the pixels: the interpreter and the decoders take a tenth of it."""
COPIES: Final = 3
"""Of the file: as it is read, as the decoder holds it, and what it takes of it."""
BYTES_A_PIXEL: Final = 20
"""8 to 12, and 19 where a HEIC has 10 bits and transparency."""
BASE_SECONDS: Final = 1
"""Of processor time, for the start and the header."""
PIXELS_A_SECOND: Final = 5_000_000
BYTES_A_SECOND: Final = 5_000_000
"""Together two to three times what the dearest files took that were found."""
WALL_SECONDS: Final = 30

_EXIF_ITEM: Final = re.compile(rb"(infe(?:\x02.{7}|\x03.{9}))Exif", re.DOTALL)
"""Type of an item in its entry (ISO/IEC 14496-12, 8.11.6, versions 2 and 3). Called otherwise it is
skipped; libavif rejects a picture whose EXIF is damaged."""


@dataclass(frozen=True, slots=True)
class _Opened:
    width: int
    height: int
    frames: int
    orientation: int
    decode: Callable[[], Image.Image]


def main(format: str, given: BinaryIO, answers: BinaryIO) -> None:
    """Read a file, tell its header, and decode it if that is asked for.

    Raises:
        Exception: it is damaged; the process ends without an answer.
    """
    (length,) = LENGTH.unpack(given.read(LENGTH.size))
    bound(length, 0)
    opened = _OPENERS[format](given.read(length))
    header = HEADER.pack(opened.width, opened.height, opened.frames, opened.orientation)
    answers.write(header)
    answers.flush()
    question = given.read(FACTOR.size)
    if not question:
        return
    bound(length, opened.width * opened.height)
    picture = flattened(opened.decode(), *FACTOR.unpack(question))
    answers.write(PICTURE.pack(picture.mode == "RGB", *picture.size))
    answers.write(picture.tobytes())
    answers.flush()


def bound(length: int, pixels: int) -> None:
    """Limit this process to what a file of so many bytes and pixels may take."""
    if sys.platform == "win32":
        return
    import resource

    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_DATA: BASE_BYTES + COPIES * length + BYTES_A_PIXEL * pixels,
        resource.RLIMIT_CPU: BASE_SECONDS
        + math.ceil(pixels / PIXELS_A_SECOND + length / BYTES_A_SECOND),
    }
    for kind, most in limits.items():
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (most if hard < 0 else min(most, hard), hard))
    signal.alarm(WALL_SECONDS)


def _open_avif(data: bytes) -> _Opened:
    # Pillow's own class needs EXIF to be sound, for an orientation that the container decides.
    from PIL import _avif

    decoder = _avif.AvifDecoder(_EXIF_ITEM.sub(rb"\1none", data), "auto", 1)
    size, frames, mode, _, _, orientation, _ = decoder.get_info()

    def decode() -> Image.Image:
        samples = decoder.get_frame(0)[0]
        return Image.frombuffer(mode, size, samples, "raw", mode, 0, 1)

    width, height = size
    return _Opened(width, height, frames, orientation, decode)


def _open_heic(data: bytes) -> _Opened:
    import pillow_heif
    from pillow_heif import options

    options.DECODE_THREADS = 1
    options.THUMBNAILS = options.DEPTH_IMAGES = options.AUX_IMAGES = False
    images = pillow_heif.open_heif(data, convert_hdr_to_8bit=True)
    image = images[images.primary_index]

    def decode() -> Image.Image:
        samples, mode, stride = image.data, image.mode, image.stride
        if mode == "I;16":
            # Grey alone is given in 16 bits all the same, the lower byte first.
            samples, mode, stride = bytes(samples[1::2]), "L", stride // 2
        return Image.frombuffer(mode, image.size, samples, "raw", mode, stride, 1)

    width, height = image.size
    return _Opened(width, height, len(images), 1, decode)


_OPENERS: Final[dict[str, Callable[[bytes], _Opened]]] = {"avif": _open_avif, "heic": _open_heic}


if __name__ == "__main__":
    main(sys.argv[1], sys.stdin.buffer, sys.stdout.buffer)
