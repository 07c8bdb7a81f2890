"""Ranges of activations, and their scale and zero point."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

POWER = 2.5
"""Of the error that a range minimises: above 2, so that clipping the greatest values costs."""
BINS = 8192
SHARES = np.arange(0.2, 1.001, 0.02)
"""Shares of the observed range that are tried, on each side."""
SMALLEST_STEP = 1e-8

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Affine:
    """x is about scale * (integer - zero), with integers of 0..255."""

    scale: float
    zero: int

    def fake(self, x: Floats) -> Floats:
        """The float32 that an integer stands for, of x, like ONNX's QuantizeLinear."""
        scale = np.float32(self.scale)
        integers = np.clip(np.rint(x / scale) + np.float32(self.zero), 0, 255)
        back: Floats = (integers - np.float32(self.zero)) * scale
        return back


def affine(low: float, high: float) -> Affine:
    """Integers for the range from `low` to `high`, widened to hold zero exactly."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = float(np.float32(max((high - low) / 255, SMALLEST_STEP)))
    return Affine(scale, int(np.clip(np.rint(-low / scale), 0, 255)))


def observed_range(samples: Sequence[Floats]) -> tuple[float, float]:
    """The least and the greatest value of all samples, and zero."""
    low = min(0.0, min(float(sample.min()) for sample in samples))
    high = max(0.0, max(float(sample.max()) for sample in samples))
    return low, high


def static_range(samples: Sequence[Floats]) -> tuple[float, float]:
    """The range whose 255 steps err least on `samples`, by the mean of |error| ** 2.5.

    Ends are tried one at a time, twice, on a histogram of all values.
    """
    low, high = observed_range(samples)
    if low == high:
        return low, high
    counts = np.zeros(BINS)
    for sample in samples:
        counts += np.histogram(sample, BINS, (low, high))[0]
    edges = np.linspace(low, high, BINS + 1)
    middles = ((edges[1:] + edges[:-1]) / 2)[counts > 0]
    counts = counts[counts > 0]

    def cost(left: float, right: float) -> float:
        trial = affine(left, right)
        errors = np.abs(trial.fake(middles.astype(np.float32)) - middles)
        return float((counts * errors**POWER).sum())

    below = above = 1.0
    for _ in range(2):
        if high > 0:
            above = min(SHARES, key=lambda share: cost(low * below, high * share))
        if low < 0:
            below = min(SHARES, key=lambda share: cost(low * share, high * above))
    return low * below, high * above


def dynamic_fake(x: Floats) -> Floats:
    """x after ONNX's DynamicQuantizeLinear and back."""
    return affine(float(x.min()), float(x.max())).fake(x)
