"""Choosing a layer's integers and scales."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from imgvec_models.quantisation.layers import Layer
from imgvec_models.quantisation.pairs import FULL, full_scales, pair_safe_scales, partners
from imgvec_models.quantisation.rounding import Limits, gptq
from imgvec_models.quantisation.scheme import Scheme

BETWEEN = (0.0, 0.5, 1.0)
"""Scales tried for each output: from full range (0) to pair-safe (1), evenly in the logarithm."""
BIAS_LIMIT = 2**30
"""Greatest integer of a convolution's bias, with room for the sum in 32 bits."""

MOST = 60_000
"""Columns taken of all samples together; more of them change no integer worth having."""
BATCH = 4096
"""Columns multiplied at once, which bounds memory."""

Floats = NDArray[np.float64]
Samples = list[NDArray[np.float32]]


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
    limits = Limits(FULL, partners(layer.shape) if bounded else None)
    tried = np.concatenate(_scales(layer, bounded, step))
    outputs = len(layer.weights)
    count = len(tried) // outputs
    # Side by side, so that what the inputs say of errors is worked out once.
    stacked = np.tile(layer.weights, (count, 1))
    together = covariance(layer, x)
    if layer.is_depthwise:
        # Several outputs may see one channel, and follow each other.
        together = np.repeat(together, outputs // len(together), axis=0)
    integers, errors = gptq(stacked, together, tried, limits)
    best = errors.reshape(count, outputs).argmin(axis=0) * outputs + np.arange(outputs)
    return Fitted(integers[best], tried[best].astype(np.float32))


def _scales(layer: Layer, bounded: bool, step: float) -> list[Floats]:
    """Candidates `[outputs]`, the safest last; none makes the bias overflow."""
    full = full_scales(layer.weights)
    if layer.is_convolution and layer.bias is not None:
        full = np.maximum(full, np.maximum(np.abs(layer.bias), 1e-3) / (BIAS_LIMIT * step))
    if not bounded:
        return [full]
    safe = np.maximum(pair_safe_scales(layer.weights, layer.shape), full)
    return [full ** (1 - share) * safe**share for share in BETWEEN]


def columns(layer: Layer, x: NDArray[np.float32], most: int) -> NDArray[np.float32]:
    """Inputs of a layer in one sample, `[K, n]`, or `[channels, K, n]` of a depthwise one.

    Of more than `most`, evenly spaced ones are taken.
    """
    if not layer.is_convolution:
        flat = x.reshape(-1, x.shape[-1]).T
        return flat[:, _spaced(flat.shape[1], most)]
    kernel = layer.shape[1:]
    attributes = {a.name: list(a.ints) for a in layer.node.attribute}
    top, left, bottom, right = attributes.get("pads", [0, 0, 0, 0])
    down, along = attributes.get("strides", [1, 1])
    padded = np.pad(x[0], ((0, 0), (top, bottom), (left, right)))
    windows = sliding_window_view(padded, kernel, axis=(1, 2))[:, ::down, ::along]
    channels, height, width = windows.shape[:3]
    places = _spaced(height * width, most)
    chosen = windows[:, places // width, places % width].reshape(channels, len(places), -1)
    if layer.is_depthwise:
        return chosen.transpose(0, 2, 1)
    return chosen.transpose(0, 2, 1).reshape(-1, len(places))


def covariance(layer: Layer, samples: Samples) -> Floats:
    """How a layer's inputs vary together: `[K, K]`, or `[channels, K, K]` of a depthwise one."""
    most = max(16, MOST // len(samples))
    # Near their mean values keep their digits when squared; a constant input varies by nothing.
    centre = columns(layer, samples[0], most).mean(axis=-1, keepdims=True)
    count, total, sums = 0, np.zeros(()), np.zeros(())
    for batch in _batches(layer, samples, most):
        batch -= centre
        total = total + (batch @ np.swapaxes(batch, -1, -2)).astype(np.float64)
        sums = sums + batch.sum(-1).astype(np.float64)
        count += batch.shape[-1]
    mean = sums / count
    found: Floats = total / count - mean[..., :, None] * mean[..., None, :]
    return found


def _batches(layer: Layer, samples: Samples, most: int) -> Iterator[NDArray[np.float32]]:
    """Columns of several samples side by side."""
    size = max(1, BATCH // columns(layer, samples[0], most).shape[-1])
    for start in range(0, len(samples), size):
        batch = samples[start : start + size]
        yield np.concatenate([columns(layer, x, most) for x in batch], axis=-1)


def _spaced(count: int, most: int) -> NDArray[np.int64]:
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)
