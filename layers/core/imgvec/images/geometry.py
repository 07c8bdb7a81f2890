"""From a picture of any shape and orientation to an encoder's square input.

The whole picture is resized and not only the part that survives the crop: Pillow rounds a box that
begins between pixels, and one level of 255 is enough to move the vector of an int8 encoder.
"""

import struct
from dataclasses import dataclass

from PIL import Image
from PIL.Image import Resampling, Transpose

from imgvec.types import CLIP_GEOMETRY, Geometry

UPRIGHT = 1

_BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_ORIENTATION = 0x0112
_KINDS = {3: "H", 4: "I"}
"""SHORT, as the standard has it, and LONG, as some software writes it."""
_ENTRY_BYTES = 12


def exif_orientation(exif: bytes) -> int:
    """Give the orientation, 1 to 8 (Exif 3.0, tag 0x0112), of a block with or without its prefix.

    Pillow's EXIF reader reads the whole block for one number, warns about damage that is none of
    the picture's, and fails on some of it.

    A block that is broken, or has no such tag, says nothing: the picture is upright.
    """
    tiff = exif.removeprefix(b"Exif\0\0")
    order = _BYTE_ORDERS.get(tiff[:4])
    if order is None:
        return UPRIGHT
    try:
        (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, directory)
        for entry in range(entries):
            offset = directory + 2 + entry * _ENTRY_BYTES
            tag, kind, _ = struct.unpack_from(f"{order}HHI", tiff, offset)
            if tag == _ORIENTATION:
                (value,) = struct.unpack_from(f"{order}{_KINDS[kind]}", tiff, offset + 8)
                return value if 1 <= value <= 8 else UPRIGHT
    except (struct.error, KeyError):
        return UPRIGHT
    return UPRIGHT


MAX_ASPECT = 100
"""A picture that is longer than so many times its short side loses its ends before the resize."""

MAX_RESIZED = 26_000
"""Pixels of a resized long side, which a large input reaches sooner: they take memory and time even
where the file is tiny."""


def longest(short: int, size: int) -> int:
    """How long a picture may be, by its short side and the encoder's input, to keep its ends."""
    return short * min(MAX_ASPECT, MAX_RESIZED // size)


@dataclass(frozen=True, slots=True)
class Picture:
    """A loaded picture, perhaps decoded at a reduced scale."""

    image: Image.Image
    width: int
    """Of the full-scale picture, as is `height`."""
    height: int
    scale: float = 1.0
    """Pixels of `image` for one of the picture."""
    left: float = 0.0
    """Where the picture begins in `image`: a reduced scale rounds the size of the image up."""
    top: float = 0.0


@dataclass(frozen=True, slots=True)
class _Turn:
    """The transposition that makes a stored picture upright."""

    method: Transpose
    swaps: bool
    """Width becomes height."""
    far_left: bool
    """The upright left edge was stored as a far one (right or bottom)."""
    far_top: bool


_FILTERS = {
    "bicubic": Resampling.BICUBIC,
    "bilinear": Resampling.BILINEAR,
    "lanczos": Resampling.LANCZOS,
}

_TURNS = {
    2: _Turn(Transpose.FLIP_LEFT_RIGHT, swaps=False, far_left=True, far_top=False),
    3: _Turn(Transpose.ROTATE_180, swaps=False, far_left=True, far_top=True),
    4: _Turn(Transpose.FLIP_TOP_BOTTOM, swaps=False, far_left=False, far_top=True),
    5: _Turn(Transpose.TRANSPOSE, swaps=True, far_left=False, far_top=False),
    6: _Turn(Transpose.ROTATE_270, swaps=True, far_left=True, far_top=False),
    7: _Turn(Transpose.TRANSVERSE, swaps=True, far_left=True, far_top=True),
    8: _Turn(Transpose.ROTATE_90, swaps=True, far_left=False, far_top=True),
}


def upright(picture: Picture, orientation: int) -> Picture:
    """Undo an EXIF orientation, 1 to 8 (Exif 3.0, tag 0x0112), of a picture as it was stored."""
    turn = _TURNS.get(orientation)
    if turn is None:
        return picture
    image = picture.image.transpose(turn.method)
    width, height = picture.width, picture.height
    if turn.swaps:
        width, height = height, width
    return Picture(
        image=image,
        width=width,
        height=height,
        scale=picture.scale,
        left=image.width - width * picture.scale if turn.far_left else 0.0,
        top=image.height - height * picture.scale if turn.far_top else 0.0,
    )


def square(picture: Picture, size: int, geometry: Geometry = CLIP_GEOMETRY) -> Image.Image:
    """Resize an upright picture to `size` x `size`, cropped or squashed.

    At full scale this is the reference to the last bit, for the installed Pillow. `centre`: resized
    sides of `int(size * side / short side)`, one call, a crop that begins at half of the excess,
    rounded to even (torchvision's `Resize` and `CenterCrop`). `none`: one call of `resize`
    (open_clip's `squash`).
    """
    resample = _FILTERS[geometry.resize]
    if geometry.crop == "none":
        wide, high = picture.width * picture.scale, picture.height * picture.scale
        box = (picture.left, picture.top, picture.left + wide, picture.top + high)
        return picture.image.resize((size, size), resample, box=box)
    short = min(picture.width, picture.height)
    kept = [min(side, longest(short, size)) for side in (picture.width, picture.height)]
    image, left, top = _without_ends(picture, *kept)
    columns, rows = (int(size * side / short) for side in kept)
    box = (left, top, left + kept[0] * picture.scale, top + kept[1] * picture.scale)
    resized = image.resize((columns, rows), resample, box=box)
    left, top = round((columns - size) / 2), round((rows - size) / 2)
    return resized.crop((left, top, left + size, top + size))


def _without_ends(picture: Picture, width: int, height: int) -> tuple[Image.Image, float, float]:
    """Cut the ends of a very long picture, so that nothing of them reaches into the resize.

    A reduced scale never meets one: its short side is over a thousand pixels long, and no format
    that can be reduced is wide enough.
    """
    if (width, height) == (picture.width, picture.height):
        return picture.image, picture.left, picture.top
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.image.crop((left, top, left + width, top + height)), 0.0, 0.0
