"""Grey samples of more than 8 bits, or with a sign, become 8 bits.

| stored as | becomes |
|---|---|
| 12 or 16 bits | the highest 8 bits |
| signed, or of 32 bits | from its own least to its own greatest value |
| floats | the same, unless all lie within 0 and 1: then 0 is black and 1 is white |
| in the last two: NaN, infinities, and the value that GDAL_NODATA names | white, in no range |
| zero is white | as above, then its negative |
"""

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from imgvec.errors import NotAnImage
from imgvec.images.colour import joined, strips
from imgvec.images.tiff_layouts import FLOAT, UNSIGNED, WHITE_IS_ZERO, Layout

_DTYPES: Final = {"L": "i1", "I": "i4", "F": "f4", "I;16": "<u2", "I;16B": ">u2"}
"""By the mode; of L only signed samples are read here."""
_HALF: Final = np.uint32(1 << 31)


def as_grey(image: Image.Image, layout: Layout, nodata: str, factor: int) -> Image.Image:
    """Give a loaded image of deep grey in mode L; `factor` x `factor` pixels are averaged to one.

    It is converted in strips, for its range too, so that no second copy of it is held.

    Args:
        image: in mode L, I, I;16, I;16B or F.
        layout: how its file stored it.
        nodata: the text of its tag GDAL_NODATA; empty where there is none.
        factor: rows, and columns, that become one.

    Raises:
        NotAnImage: no sample holds data.
    """
    negative = layout.colours == WHITE_IS_ZERO

    def highest(strip: Image.Image) -> Image.Image:
        bits = (_samples(strip, _DTYPES[strip.mode]) >> (layout.bits - 8)).astype(np.uint8)
        return Image.fromarray(~bits if negative else bits)

    levels = _Stretch(image, layout, nodata, negative).levels if layout.is_wide else highest
    grey = ((top, levels(strip)) for top, strip in strips(image, factor))
    return joined(grey, image.size, factor)


class _Stretch:
    """From the range of an image's samples to that of 8 bits."""

    def __init__(self, image: Image.Image, layout: Layout, nodata: str, negative: bool) -> None:
        """Find the range of all samples that hold data."""
        self._dtype = _DTYPES[image.mode]
        if (layout.format, layout.bits) == (UNSIGNED, 32) and np.min(image.getextrema()) < 0:
            self._dtype = "u4"
        self._nodata = _number(nodata)
        self._negative = negative
        self._gaps = False
        low, high = math.inf, -math.inf
        for _, strip in strips(image):
            samples, absent = self._read(strip)
            if absent is not None and absent.any():
                self._gaps = True
                samples = samples[~absent]
            if samples.size:
                low, high = min(low, float(samples.min())), max(high, float(samples.max()))
        if low > high:
            raise NotAnImage
        if layout.format == FLOAT and low >= 0.0 and high <= 1.0:
            low, high = 0.0, 1.0
        self._low = low
        self._scale = 255.0 / (high - low) if high > low else 0.0

    def levels(self, strip: Image.Image) -> Image.Image:
        """Give a strip in mode L; what holds no data is white."""
        absent = None
        if self._gaps or self._dtype in ("i1", "u4"):
            samples, absent = self._read(strip)
            if absent is not None:
                samples = np.where(absent, samples.dtype.type(self._low), samples)
            strip = Image.fromarray(samples)
        scale, low = self._scale, self._low
        levels = strip.point(lambda sample: sample * scale - low * scale).convert("L")
        if self._negative:
            levels = ImageChops.invert(levels)
        if absent is None:
            return levels
        return Image.fromarray(_samples(levels, "u1") | (absent * np.uint8(255)))

    def _read(self, strip: Image.Image) -> tuple[NDArray[Any], NDArray[np.bool] | None]:
        """Samples as `int32` or `float32`, and which of them hold no data, if any may.

        Unsigned ones are moved down by half of their range, which no stretch shows.
        """
        samples = _samples(strip, self._dtype)
        absent = None
        if self._dtype == "f4" and not np.isfinite([samples.min(), samples.max()]).all():
            absent = ~np.isfinite(samples)
        if self._nodata is not None:
            with np.errstate(over="ignore"):
                nodata = np.float32(self._nodata) if self._dtype == "f4" else self._nodata
            named = samples == nodata
            absent = named if absent is None else absent | named
        if self._dtype == "u4":
            return (samples ^ _HALF).view(np.int32), absent
        return samples if self._dtype == "f4" else samples.astype(np.int32, copy=False), absent


def _samples(strip: Image.Image, dtype: str) -> NDArray[Any]:
    """`[height, width]`; an eighth of the time of `np.asarray`."""
    samples: NDArray[Any] = np.frombuffer(strip.tobytes(), dtype)
    return samples.reshape(strip.height, strip.width)


def _number(nodata: str) -> float | None:
    """The value of GDAL_NODATA; nothing where it is no number, or no finite one."""
    try:
        value = float(nodata)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
