"""Small test pictures: real photographs in every format, mode and orientation that matters.

The photographs come from the wheels of scikit-image and scikit-learn, so nothing is downloaded.
"""

import functools
import io
import struct
import zlib
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Resampling, Transpose

_PHOTOS = {
    "astronaut": ("skimage", "data/astronaut.png"),
    "chelsea": ("skimage", "data/chelsea.png"),
    "coffee": ("skimage", "data/coffee.png"),
    "rocket": ("skimage", "data/rocket.jpg"),
    "china": ("sklearn", "datasets/images/china.jpg"),
    "flower": ("sklearn", "datasets/images/flower.jpg"),
}
PHOTOS = tuple(_PHOTOS)

# How an upright picture is stored under each orientation (Exif 3.0, tag 0x0112).
_STORED = {
    1: None,
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_90,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_270,
}
ORIENTATIONS = tuple(_STORED)


@functools.cache
def _photo_file(name: str) -> bytes:
    package, path = _PHOTOS[name]
    return files(package).joinpath(path).read_bytes()


def photo(name: str = "chelsea", size: tuple[int, int] | None = None) -> Image.Image:
    """A photograph in RGB, in its own size or scaled to another."""
    image = Image.open(io.BytesIO(_photo_file(name))).convert("RGB")
    return image if size is None else image.resize(size, Resampling.LANCZOS)


@functools.lru_cache(maxsize=4)
def photo_jpeg(
    width: int, height: int, quality: int = 88, name: str = "china", progressive: bool = False
) -> bytes:
    """A JPEG as a camera might write it: a photograph scaled up, with a little sensor noise."""
    noise = np.random.default_rng(0).normal(0.0, 3.0, (height, width, 1))
    grainy = np.asarray(photo(name, (width, height)), np.float32) + noise
    image = Image.fromarray(grainy.clip(0, 255).astype(np.uint8))
    return encoded(image, "JPEG", quality=quality, progressive=progressive)


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    """The image as a file of a format, with the options of Pillow's `save`."""
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def animation(format: str, frames: int, size: tuple[int, int] = (60, 40)) -> bytes:
    """An animation (GIF, PNG, WEBP) or document (TIFF) whose frames are all different."""
    first, *others = (
        Image.new("RGB", size, (255 * (n % 2), 10 * n % 256, n // 256)) for n in range(frames)
    )
    return encoded(first, format, save_all=True, append_images=others)


def exif(orientation: int, order: str = "<") -> bytes:
    """An EXIF block (little- or big-endian) that says nothing but the orientation."""
    header = b"II*\0" if order == "<" else b"MM\0*"
    entry = struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0)
    directory = struct.pack(f"{order}IH", 8, 1) + entry + bytes(4)
    return b"Exif\0\0" + header + directory


def stored(upright: Image.Image, orientation: int) -> Image.Image:
    """The pixels as a camera held that way would have stored them."""
    method = _STORED[orientation]
    return upright if method is None else upright.transpose(method)


def oriented(upright: Image.Image, format: str, orientation: int, **options: object) -> bytes:
    """A file that shows `upright` to whoever minds its orientation."""
    image = stored(upright, orientation)
    if format == "TIFF":
        return encoded(image, format, tiffinfo={274: orientation}, **options)
    return encoded(image, format, exif=exif(orientation), **options)


def png_file(
    samples: NDArray[np.uint8] | NDArray[np.uint16],
    colour_type: int,
    *before_pixels: tuple[bytes, bytes],
    after_pixels: tuple[tuple[bytes, bytes], ...] = (),
) -> bytes:
    """A PNG written by hand, `[height, width, samples]`, with chunks that Pillow does not write."""
    height, width = samples.shape[:2]
    depth = samples.dtype.itemsize * 8
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    rows = samples.astype(samples.dtype.newbyteorder(">")).reshape(height, -1)
    pixels = b"".join(b"\0" + row.tobytes() for row in rows)
    chunks = (
        (b"IHDR", header),
        *before_pixels,
        (b"IDAT", zlib.compress(pixels)),
        *after_pixels,
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def tiff_file(tags: dict[int, tuple[int, ...]], strip: bytes, kind: str = "H") -> bytes:
    """A little-endian TIFF written by hand: its tags, then one strip of data.

    The values of a tag are of one kind (`H`, 16 bits, or `I`, 32) and must fit into four bytes;
    the tag 273, where the strip begins, is filled in.
    """
    start = 8 + 2 + 12 * (len(tags) + 1) + 4
    directory = b"".join(
        struct.pack("<HHI", tag, {"H": 3, "I": 4}[kind], len(values))
        + struct.pack(f"<{len(values)}{kind}", *values).ljust(4, b"\0")
        for tag, values in sorted({**tags, 273: (start,)}.items())
    )
    return b"II*\0" + struct.pack("<IH", 8, len(tags) + 1) + directory + bytes(4) + strip
