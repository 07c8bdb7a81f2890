"""Element types of a vector in an answer, and their bytes in base64, the same in all dialects.

`int8` has one factor for a whole space, from the encoder's manifest, and never one for each vector:
so dot products of integers rank as those of the floats.
"""

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

import pybase64

from imgvec.types import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

Element: TypeAlias = Literal["float", "int8", "uint8", "binary", "ubinary"]
ELEMENTS: Final[tuple[Element, ...]] = get_args(Element)
SCALED: Final[frozenset[Element]] = frozenset({"int8", "uint8"})
"""These need the scale of the space."""
BITS: Final[frozenset[Element]] = frozenset({"binary", "ubinary"})
"""These hold one bit of each dimension, eight in an integer."""

_JSON_BYTES: Final = {"float": 14, "int8": 5, "uint8": 4, "binary": 5, "ubinary": 4}
"""Bytes of one number and its comma in JSON, at most; floats have 12.5 on average."""


def in_elements(vector: Vector, element: Element, scale: float | None) -> "NDArray[Any]":
    """The vector in an element type.

    - `float`: float32 [d], as it is.
    - `int8`: int8 [d], each `rint(value * scale)`, at most 127 from 0; `uint8`: those plus 128.
    - `ubinary`: uint8 [d / 8], bits of 1 where a value is above 0, the first dimension in the
      highest bit (`numpy.packbits`); `binary`: int8 [d / 8], those minus 128.

    Raises:
        ValueError: an 8-bit integer without a scale.
    """
    # The function of the assets imports dialects, and has no NumPy.
    import numpy as np

    if element == "float":
        return vector
    if element in BITS:
        bits = np.packbits(vector > 0)
        return bits if element == "ubinary" else (bits.astype(np.int16) - 128).astype(np.int8)
    if scale is None:
        raise ValueError(f"{element} needs a scale")
    scaled = np.clip(np.rint(vector.astype(np.float64) * scale), -127, 127).astype(np.int16)
    return scaled.astype(np.int8) if element == "int8" else (scaled + 128).astype(np.uint8)


def in_base64(values: "NDArray[Any]") -> str:
    """The values' bytes, little-endian, in padded base64."""
    return pybase64.b64encode(values.astype(values.dtype.newbyteorder("<")).tobytes()).decode()


def json_bytes(dimensions: int, element: Element, *, packed: bool) -> int:
    """Bytes that one vector takes in an answer, at most."""
    numbers = dimensions // 8 if element in BITS else dimensions
    if packed:
        return numbers * (4 if element == "float" else 1) * 4 // 3 + 8
    return numbers * _JSON_BYTES[element] + 8
