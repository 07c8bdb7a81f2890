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

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgvec.errors import NotAnImage
from imgvec.images.colour import in_strips, strips
from imgvec.images.tiff_layouts import FLOAT, SIGNED, UNSIGNED, WHITE_IS_ZERO, Layout

_VIEWS = {(SIGNED, 8): np.int8, (UNSIGNED, 32): np.uint32}
"""Samples that Pillow takes for others of the same length."""


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
    stretch = _Stretch(image, layout, nodata) if layout.is_wide else None

    def convert(strip: Image.Image) -> Image.Image:
        if stretch is not None:
            return Image.fromarray(stretch.levels(strip, negative))
        highest = (np.asarray(strip) >> (layout.bits - 8)).astype(np.uint8)
        return Image.fromarray(~highest if negative else highest)

    return in_strips(image, factor, "L", convert)


class _Stretch:
    """From the range of an image's samples to that of 8 bits."""

    def __init__(self, image: Image.Image, layout: Layout, nodata: str) -> None:
        """Find the range of all samples that hold data."""
        self._view = _VIEWS.get((layout.format, layout.bits))
        self._floats = layout.format == FLOAT
        self._nodata = _number(nodata)
        low, high = math.inf, -math.inf
        for _, strip in strips(image):
            samples, absent = self._samples(strip)
            present = samples if absent is None else samples[~absent]
            if present.size:
                low, high = min(low, float(present.min())), max(high, float(present.max()))
        if low > high:
            raise NotAnImage
        if self._floats and low >= 0.0 and high <= 1.0:
            low, high = 0.0, 1.0
        self._low = low
        self._scale = 255.0 / (high - low) if high > low else 0.0

    def levels(self, strip: Image.Image, negative: bool) -> NDArray[np.uint8]:
        """`uint8 [height, width]`; what holds no data is white."""
        samples, absent = self._samples(strip)
        if absent is not None:
            samples = np.where(absent, self._low, samples)
        scaled = np.multiply(samples, self._scale, dtype=np.float64)
        scaled -= self._low * self._scale
        if self._floats:
            # As Pillow rounds: 254.99999999 is white.
            scaled = scaled.astype(np.float32)
        levels: NDArray[np.uint8] = np.clip(scaled, 0, 255, out=scaled).astype(np.uint8)
        if negative:
            levels = ~levels
        if absent is not None:
            levels[absent] = 255
        return levels

    def _samples(self, strip: Image.Image) -> tuple[NDArray[np.generic], NDArray[np.bool] | None]:
        """Samples as they were stored, and which of them hold no data, if any may."""
        samples: NDArray[np.generic] = np.asarray(strip)
        if self._view is not None:
            samples = samples.view(self._view)
        absent = None
        if self._floats and not math.isfinite(float(samples.min()) - float(samples.max())):
            absent = ~np.isfinite(samples)
        if self._nodata is not None:
            named = samples == samples.dtype.type(self._nodata)
            absent = named if absent is None else absent | named
        return samples, absent


def _number(nodata: str) -> float | None:
    """The value of GDAL_NODATA; nothing where it is no number, or no finite one."""
    try:
        value = float(nodata)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
