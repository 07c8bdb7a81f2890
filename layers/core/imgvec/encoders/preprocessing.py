"""The arithmetic around a graph: pixels to its input, its output to a vector."""

import logging
import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgvec.encoders.manifest import Preprocessing
from imgvec.errors import InternalFault
from imgvec.types import Pixels, Vector

SMALLEST_NORM = 1e-6
"""A shorter output has no direction; those of real inputs have norms from about 0.1 to 100."""

Normaliser: TypeAlias = Callable[[Pixels], NDArray[np.float32]]

logger = logging.getLogger(__name__)


def normaliser(preprocessing: Preprocessing) -> Normaliser:
    """A function from `uint8 [size, size, 3]` to `float32 [1, 3, size, size]`.

    (x * rescale_factor - mean) / std is taken as x * scale + shift in place, with both computed
    in float64; that is exact in float32 where std / rescale_factor is a power of two.
    """
    mean = np.array(preprocessing.image_mean)
    std = np.array(preprocessing.image_std)
    scale = (preprocessing.rescale_factor / std).astype(np.float32).reshape(3, 1, 1)
    shift = (-mean / std).astype(np.float32).reshape(3, 1, 1)

    def normalise(pixels: Pixels) -> NDArray[np.float32]:
        planes = np.multiply(pixels.transpose(2, 0, 1), scale, dtype=np.float32, order="C")
        planes += shift
        return planes[np.newaxis]

    return normalise


def unit_prefix(output: NDArray[np.float32], dimensions: int) -> Vector:
    """The first `dimensions` values of an output, scaled to L2 norm 1 within 1e-5.

    The norm is summed in float64, so that its float32 value does not depend on the CPU's order
    of summation; the division is float32.

    Raises:
        InternalFault: the values are not finite, or all nearly zero; no vector is better than one
            that would poison an index.
    """
    prefix = output[:dimensions]
    norm = math.sqrt(float(np.square(prefix, dtype=np.float64).sum()))
    if not SMALLEST_NORM < norm < math.inf:
        logger.error("the encoder's output has no direction: its norm is %s", norm)
        raise InternalFault
    return prefix / np.float32(norm)
