"""The pair bound, which keeps 16-bit sums from saturating.

A CPU with AVX2 and no VNNI multiplies uint8 activations by int8 weights with `vpmaddubsw`, which
adds the products of K positions 2i and 2i + 1 in 16 bits and saturates. An activation is at most
255, so two weights of one sign whose magnitudes sum to at most 128 give at most 255 x 128 = 32640,
which fits; products of opposite signs cannot overflow together if each fits alone.
"""

import numpy as np
from numpy.typing import NDArray

BOUND = 128
"""Most that two neighbouring weights of one sign may sum to, in magnitude."""
FULL = 127
"""Greatest magnitude of an int8 weight."""
STEPS = 14
"""Halvings in the search for a scale: to one part in 16,000."""

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


def reading_orders(shape: tuple[int, ...]) -> list[Integers]:
    """The orders in which a kernel reads the K weights of one output: positions `[K]`.

    `shape` is that of one output's weights: `[K]` for a matrix; `[channels, height, width]` for a
    convolution, which is read channels first or channels last, as the kernel likes.
    """
    places = np.arange(int(np.prod(shape)))
    if len(shape) == 3 and shape[1] * shape[2] > 1:
        return [places, places.reshape(shape).transpose(1, 2, 0).ravel()]
    return [places]


def partners(shape: tuple[int, ...]) -> Integers:
    """For each of K positions, those it shares 16 bits with: `[K, orders]`, -1 for none."""
    orders = reading_orders(shape)
    table = np.full((orders[0].size, len(orders)), -1)
    for column, order in enumerate(orders):
        even = order.size // 2 * 2
        left, right = order[0:even:2], order[1:even:2]
        table[left, column], table[right, column] = right, left
    return table


def largest_sums(integers: NDArray[np.integer], shape: tuple[int, ...]) -> Integers:
    """The largest same-sign sum of each output's pairs: `[outputs]` from `[outputs, K]`."""
    narrow = integers.astype(np.int16)
    # Where a pair differs in sign, the greater of both stands alone and the sum is smaller.
    worst: Integers = np.abs(narrow).max(axis=1, initial=0).astype(np.int64)
    for order in reading_orders(shape):
        even = order.size // 2 * 2
        sums = narrow[:, order[0:even:2]] + narrow[:, order[1:even:2]]
        worst = np.maximum(worst, np.abs(sums).max(axis=1, initial=0))
    return worst


def full_scales(weights: Floats) -> Floats:
    """Each output's scale at which its greatest weight becomes 127: `[outputs]`."""
    greatest: Floats = np.abs(weights).max(axis=1)
    return np.maximum(greatest, np.finfo(np.float32).tiny * FULL) / FULL


def pair_safe_scales(weights: Floats, shape: tuple[int, ...]) -> Floats:
    """The finest scale of each output at which nearest integers keep the bound: `[outputs]`.

    Between full range and half of it, found by bisection; at half range every pair fits.
    """
    full = full_scales(weights)
    low, high = full.copy(), full * FULL / (BOUND // 2 - 0.1)
    fits = largest_sums(_nearest(weights, low), shape) <= BOUND
    high[fits] = low[fits]
    for _ in range(STEPS):
        middle = (low + high) / 2
        safe = largest_sums(_nearest(weights, middle), shape) <= BOUND
        high = np.where(safe, middle, high)
        low = np.where(safe, low, middle)
    return high


def _nearest(weights: Floats, scales: Floats) -> NDArray[np.int16]:
    return np.clip(np.rint(weights / scales[:, None]), -FULL, FULL).astype(np.int16)
