"""The values of a packed table, as a graph computes them."""

import numpy as np

from training.features import Floats
from training.table import MIDDLE, STEPS, Packed


def unpack(packed: Packed) -> Floats:
    """The table that a graph works with."""
    codes = np.concatenate([packed.codes // STEPS, packed.codes % STEPS], axis=1)
    values: Floats = (codes.astype(np.float32) - np.float32(MIDDLE)) * packed.scale
    return values * packed.spread + packed.mean
