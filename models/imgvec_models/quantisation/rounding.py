"""Rounding weights to integers so that outputs, not weights, stay close.

GPTQ (Frantar et al. 2022): weights are rounded one input after another, and each error is made
good in the weights that are not yet rounded, as far as the inputs' covariance tells how. The pair
bound enters as limits that depend on a weight's rounded partners.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgvec_models.quantisation.pairs import BOUND

DAMPING = 0.01
"""Share of the mean variance that is added to each, so that the covariance has an inverse."""
BLOCK = 128
"""Inputs whose errors are spread at once to the inputs behind them; only speed depends on it."""

SMALLEST = 1e-10
"""Damping of inputs that never vary."""

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the integers."""

    magnitude: int
    """Greatest absolute value."""
    partners: Integers | None
    """Positions that share the pair bound, `[K, orders]`; None where there is none."""


def gptq(
    weights: Floats, covariance: Floats, scales: Floats, limits: Limits
) -> tuple[Integers, Floats]:
    """Integers `[outputs, K]` that keep `weights @ inputs` close, under the limits.

    Also gives the variance of each output's error, `[outputs]`. `covariance` of the inputs is
    `[K, K]`, or `[outputs, K, K]` where every output has inputs of its own (a depthwise
    convolution). Inputs are taken by falling variance.
    """
    if covariance.ndim == 3:
        each = [
            gptq(row[None], own, scale[None], limits)
            for row, own, scale in zip(weights, covariance, scales, strict=True)
        ]
        return np.concatenate([one for one, _ in each]), np.concatenate([e for _, e in each])
    order = np.argsort(-np.diag(covariance), kind="stable")
    # Inputs come first, so that every step reads and writes whole rows; float32 halves the time.
    spread = _spread(covariance[np.ix_(order, order)]).astype(np.float32)
    left = weights.T[order].astype(np.float32)
    scales = scales.astype(np.float32)
    integers = np.zeros((len(order), len(weights)), np.float32)
    lost = np.zeros(len(weights))
    for start in range(0, len(order), BLOCK):
        stop = min(start + BLOCK, len(order))
        errors = np.empty((stop - start, len(weights)), np.float32)
        for place in range(start, stop):
            low, high = _range(integers, order[place], limits)
            rounded = np.clip(np.rint(left[place] / scales), low, high)
            integers[order[place]] = rounded
            error = (left[place] - rounded * scales) / spread[place, place]
            errors[place - start] = error
            left[place + 1 : stop] -= np.outer(spread[place, place + 1 : stop], error)
        left[stop:] -= spread[start:stop, stop:].T @ errors
        lost += np.square(errors).sum(axis=0)
    return integers.T.astype(np.int64), lost


def _range(integers: Singles, position: int, limits: Limits) -> tuple[Singles, Singles]:
    """The least and the greatest integer at one position, of each output: `[outputs]`.

    `integers` are `[K, outputs]`.
    Partners that are not yet rounded are zero, and so limit nothing.
    """
    high = np.full(integers.shape[1], limits.magnitude, np.float32)
    low = -high
    if limits.partners is not None:
        for partner in limits.partners[position]:
            if partner >= 0:
                beside = integers[partner]
                high = np.minimum(high, BOUND - np.maximum(beside, 0))
                low = np.maximum(low, -BOUND - np.minimum(beside, 0))
    return low, high


def _spread(covariance: Floats) -> Floats:
    """Upper Cholesky factor of the damped covariance's inverse: how each error is spread."""
    damping = DAMPING * np.diag(covariance).mean() + SMALLEST
    damped = covariance + damping * np.eye(len(covariance))
    # With J the exchange matrix and J damped J = L L', the factor is J inv(L) J.
    return _inverse(np.linalg.cholesky(damped[::-1, ::-1]))[::-1, ::-1]


def _inverse(lower: Floats) -> Floats:
    """Inverse of a lower triangular matrix, by halves; NumPy's own takes ten times as long."""
    half = len(lower) // 2
    if half < BLOCK:
        small: Floats = np.linalg.inv(lower).astype(np.float64)
        return small
    whole = np.zeros_like(lower)
    first, last = _inverse(lower[:half, :half]), _inverse(lower[half:, half:])
    whole[:half, :half], whole[half:, half:] = first, last
    whole[half:, :half] = -last @ (lower[half:, :half] @ first)
    return whole
