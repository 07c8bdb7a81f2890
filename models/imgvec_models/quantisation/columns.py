"""What a layer's weights are multiplied with, and how it varies."""

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from imgvec_models.quantisation.layers import Layer

MOST = 60_000
"""Columns taken of all samples together; more of them change no integer worth having."""
BATCH = 4096
"""Columns multiplied at once, which bounds memory."""

Floats = NDArray[np.float64]
Samples = list[NDArray[np.float32]]


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
