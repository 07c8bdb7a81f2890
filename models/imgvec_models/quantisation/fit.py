"""Choosing a layer's integers and scales."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgvec_models.quantisation.columns import Samples, covariance
from imgvec_models.quantisation.layers import Layer
from imgvec_models.quantisation.pairs import FULL, full_scales, pair_safe_scales, partners
from imgvec_models.quantisation.rounding import Limits, gptq, nearest
from imgvec_models.quantisation.scheme import Scheme

SEVEN = 64
"""Greatest magnitude of a seven-bit weight: two of them sum to 128."""
BETWEEN = (0.0, 0.5, 1.0)
"""Scales tried for each output: from full range (0) to pair-safe (1), evenly in the logarithm."""
BIAS_LIMIT = 2**30
"""Greatest integer of a convolution's bias, with room for the sum in 32 bits."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A layer's weights as integers: W is about scales[:, None] * integers."""

    integers: NDArray[np.int64]
    """`[outputs, K]`."""
    scales: NDArray[np.float32]
    """`[outputs]`."""

    @property
    def weights(self) -> Floats:
        """The weights that the integers stand for."""
        return self.integers * self.scales.astype(np.float64)[:, None]


def fit(layer: Layer, scheme: Scheme, x: Samples, step: float) -> Fitted:
    """Integers for `layer` from inputs as it will meet them; `step` is their scale."""
    bounded = scheme.weights == "pairs" and not layer.is_depthwise
    magnitude = SEVEN if scheme.weights == "seven" else FULL
    limits = Limits(magnitude, partners(layer.shape) if bounded else None)
    if not scheme.gptq:
        scales = _scales(layer, bounded, magnitude, step)[-1]
        return Fitted(nearest(layer.weights, scales, limits), scales.astype(np.float32))
    tried = np.concatenate(_scales(layer, bounded, magnitude, step))
    outputs = len(layer.weights)
    count = len(tried) // outputs
    # Side by side, so that what the inputs say of errors is worked out once.
    stacked = np.tile(layer.weights, (count, 1))
    integers, errors = gptq(stacked, covariance(layer, x), tried, limits)
    best = errors.reshape(count, outputs).argmin(axis=0) * outputs + np.arange(outputs)
    return Fitted(integers[best], tried[best].astype(np.float32))


def _scales(layer: Layer, bounded: bool, magnitude: int, step: float) -> list[Floats]:
    """Candidates `[outputs]`, the safest last; none makes the bias overflow."""
    full = full_scales(layer.weights) * FULL / magnitude
    if layer.is_convolution and layer.bias is not None:
        full = np.maximum(full, np.maximum(np.abs(layer.bias), 1e-3) / (BIAS_LIMIT * step))
    if not bounded:
        return [full]
    safe = np.maximum(pair_safe_scales(layer.weights, layer.shape), full)
    return [full ** (1 - share) * safe**share for share in BETWEEN]
