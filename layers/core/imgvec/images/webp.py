"""WebP, decoded by libwebp's own decoder of single pictures.

Pillow decodes each WebP through libwebp's decoder of animations, which takes twice as long for a
photo and holds three copies of it, of four bytes a pixel each. The functions that are called here
are those of the library that Pillow's module brings with it
(https://developers.google.com/speed/webp/docs/api, "Advanced Decoding API"). Its scaler is not
used: a photo that is halved by it keeps a cosine of 0.998 where averaged boxes keep 0.9993. Pillow
decodes animations.

Decoders get to see the chunks alone that decide pixels, in a container of the right length. Else
profiles and metadata of a wrong length, or at a place that the standard does not have for them,
sink a picture that is whole.
"""

import ctypes
import struct
from collections.abc import Iterator
from typing import Final

import numpy as np
from PIL import Image, WebPImagePlugin, _webp

from imgvec.errors import NotAnImage, TooLarge
from imgvec.images.colour import flattened
from imgvec.images.essentials import MAX_PARTS
from imgvec.images.geometry import Picture
from imgvec.images.opened import CountedFile, Opened, PillowFile

_ABI: Final = 0x0209
"""Of the structures below (WEBP_DECODER_ABI_VERSION); libwebp rejects another major number."""
_RGBA: Final = 1
_CHUNK: Final = struct.Struct("<4sI")
_HAS_EXIF: Final = 8
"""A flag of VP8X."""
_PICTURES: Final = frozenset({b"VP8 ", b"VP8L"})
_ESSENTIAL: Final = _PICTURES | {b"VP8X", b"ALPH", b"ANIM", b"ANMF"}


class _Features(ctypes.Structure):
    _fields_ = (
        ("width", ctypes.c_int),
        ("height", ctypes.c_int),
        ("has_alpha", ctypes.c_int),
        ("has_animation", ctypes.c_int),
        ("format", ctypes.c_int),
        ("pad", ctypes.c_uint32 * 5),
    )


class _RgbaBuffer(ctypes.Structure):
    _fields_ = (("rgba", ctypes.c_void_p), ("stride", ctypes.c_int), ("size", ctypes.c_size_t))


class _Planes(ctypes.Union):
    # Four planes with four strides and four sizes are the larger member.
    _fields_ = (("rgba", _RgbaBuffer), ("yuva", ctypes.c_uint64 * 10))


class _Buffer(ctypes.Structure):
    _fields_ = (
        ("colours", ctypes.c_int),
        ("width", ctypes.c_int),
        ("height", ctypes.c_int),
        ("is_external", ctypes.c_int),
        ("planes", _Planes),
        ("pad", ctypes.c_uint32 * 4),
        ("private", ctypes.c_void_p),
    )


class _Config(ctypes.Structure):
    # No option is set; they are 19 numbers.
    _fields_ = (("input", _Features), ("output", _Buffer), ("options", ctypes.c_uint32 * 19))


# Names are looked up in the module's own libraries too.
_libwebp: Final = ctypes.CDLL(_webp.__file__)


def open_webp(data: bytes) -> Opened:
    """Read the header of a WebP.

    Raises:
        NotAnImage: it has none.
        TooLarge: it has more chunks than any picture needs.
    """
    file, exif = _essentials(data)
    config, found, length = _Config(), _Features(), ctypes.c_size_t(len(file))
    if not _libwebp.WebPInitDecoderConfigInternal(ctypes.byref(config), _ABI):
        raise NotAnImage
    if _libwebp.WebPGetFeaturesInternal(file, length, ctypes.byref(found), _ABI):
        raise NotAnImage
    if found.has_animation:
        return PillowFile(WebPImagePlugin.WebPImageFile(CountedFile(file)), exif)
    return _StillWebp(file, exif, config, found)


class _StillWebp(Opened):
    """A WebP of one picture."""

    def __init__(self, data: bytes, exif: bytes, config: _Config, features: _Features) -> None:
        """`config` has no option set."""
        self._data = data
        self._config = config
        self.width, self.height = features.width, features.height
        self._mode = "RGBA" if features.has_alpha else "RGBX"
        self.exif = exif

    def load(self, size: int) -> Picture:
        """Decode the picture, then average boxes of its pixels."""
        samples = np.empty((self.height, self.width, 4), np.uint8)
        output = self._config.output
        output.colours, output.is_external = _RGBA, 1
        output.planes.rgba = _RgbaBuffer(samples.ctypes.data, samples.strides[0], samples.nbytes)
        length = ctypes.c_size_t(len(self._data))
        if _libwebp.WebPDecode(self._data, length, ctypes.byref(self._config)):
            raise NotAnImage
        # Shares the samples.
        image = Image.frombuffer(
            self._mode, (self.width, self.height), samples, "raw", self._mode, 0, 1
        )
        factor = self.reduction(size)
        return Picture(flattened(image, factor), self.width, self.height, 1 / factor)


def _essentials(data: bytes) -> tuple[bytes, bytes]:
    """Give a file of the chunks that decide pixels, and the first block of EXIF data.

    Raises:
        NotAnImage: it is another kind of RIFF, or was cut before the end of its EXIF data.
        TooLarge: it has more than `MAX_PARTS` chunks.
    """
    if data[8:12] != b"WEBP":
        raise NotAnImage
    whole = memoryview(data)
    parts = [whole[8:12]]
    found: dict[bytes, tuple[int, int]] = {}
    complete = False
    for kind, at, end in _chunks(data):
        if kind in (b"EXIF", b"VP8X"):
            found.setdefault(kind, (at, end))
        if kind in _ESSENTIAL and not complete:
            # Nothing behind the picture counts, except frames of an animation.
            complete = kind in _PICTURES
            parts += (whole[at - _CHUNK.size : end], memoryview(bytes((end - at) % 2)))
    at, end = found.get(b"EXIF", (0, 0))
    promised = b"VP8X" in found and data[found[b"VP8X"][0]] & _HAS_EXIF
    if (end > len(data) or (promised and not end)) and _is_cut(data):
        raise NotAnImage
    head = _CHUNK.pack(b"RIFF", sum(map(len, parts)))
    return b"".join([head, *parts]), data[at:end]


def _is_cut(data: bytes) -> bool:
    """Whether the container says that it is longer than the file."""
    return 8 + int.from_bytes(data[4:8], "little") > len(data)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of the content of each (RIFF, as of WebP's container)."""
    at, count = 12, 0
    while at + _CHUNK.size <= len(data):
        kind, length = _CHUNK.unpack_from(data, at)
        at += _CHUNK.size
        count += 1
        if count > MAX_PARTS:
            raise TooLarge
        yield kind, at, at + length
        at += length + length % 2
