"""From a picture of any shape and orientation to the square that an encoder looks at.

The square is that of OpenAI's CLIP: bicubic, short side to the encoder's input, centre crop. Only
what survives the crop is resized, so neither time nor memory grows with the aspect ratio.
"""

import math
from dataclasses import dataclass
from typing import TypeAlias

from PIL import Image
from PIL.Image import Resampling, Transpose

MAX_ASPECT = 100
"""A picture that is longer than so many times its short side loses its ends before the resize."""

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, right and bottom edge, in pixels from the upper left corner."""


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
    """What makes a stored picture upright."""

    method: Transpose
    swaps: bool
    """Width becomes height."""
    far_left: bool
    """The upright left edge was stored as a far one (right or bottom)."""
    far_top: bool


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


def central_view(width: int, height: int, size: int) -> Box:
    """Give the part of a `width` x `height` picture that ends up in the square of `size`.

    It is what `size` pixels at the centre of the resized picture cover, with the roundings of the
    reference: the resized sides are `round(side * size / short side)`, the crop begins at half of
    the excess, rounded down.
    """
    short = min(width, height)
    left, right = _central_span(width, short, size)
    top, bottom = _central_span(height, short, size)
    return left, top, right, bottom


def _central_span(length: int, short: int, size: int) -> tuple[float, float]:
    kept = min(length, MAX_ASPECT * short)
    cut = (length - kept) // 2
    resized = max(size, round(kept * (size / short)))
    start = (resized - size) // 2
    return cut + start * kept / resized, cut + (start + size) * kept / resized


def square(picture: Picture, size: int) -> Image.Image:
    """Resize the central view of an upright picture to `size` x `size`, columns before rows.

    The order matters by a level or two, for each pass rounds to 8 bits. Pillow 13 chooses it by the
    shape, earlier ones did not; fixed here, the same bytes give the same pixels under both.
    """
    left, top, right, bottom = central_view(picture.width, picture.height, size)
    left, right = (picture.left + edge * picture.scale for edge in (left, right))
    top, bottom = (picture.top + edge * picture.scale for edge in (top, bottom))
    # Rows that have weight in the result: bicubic looks two pixels far, of the coarser grid.
    reach = math.ceil(2 * max(1.0, (bottom - top) / size)) + 1
    first = max(0, math.floor(top) - reach)
    last = min(picture.image.height, math.ceil(bottom) + reach)
    columns = picture.image.resize(
        (size, last - first), Resampling.BICUBIC, box=(left, first, right, last)
    )
    return columns.resize(
        (size, size), Resampling.BICUBIC, box=(0, top - first, size, bottom - first)
    )
