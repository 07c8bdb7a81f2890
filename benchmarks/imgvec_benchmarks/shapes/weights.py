"""Seeded random weights whose activations spread as those of a trained tower do."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

CHANNELS_PER_OUTLIER = 192
"""One channel of so many has a far greater gain, as in trained transformers (Dettmers et al. 2022,
LLM.int8()); such channels are what makes activations hard to quantise."""
OUTLIER_GAIN = 6.0


class Weights:
    """One generator behind all weights of a tower, so that a seed gives the same file again."""

    def __init__(self, seed: int) -> None:
        """Start the sequence of `seed`."""
        self._random = np.random.default_rng(seed)

    def normal(self, *shape: int, std: float) -> Array:
        """Values of mean 0."""
        return self._random.standard_normal(shape, dtype=np.float32) * np.float32(std)

    def linear(self, inputs: int, outputs: int, gain: float = 1.0) -> tuple[Array, Array]:
        """Weight `[inputs, outputs]` and bias of a layer that scales the standard deviation by
        about `gain`."""
        weight = self.normal(inputs, outputs, std=gain / inputs**0.5)
        return weight, self.normal(outputs, std=0.1 * gain)

    def norm(self, width: int) -> tuple[Array, Array]:
        """Gain and bias of a layer norm: most gains near 1, a few far above."""
        gain = np.abs(1 + self.normal(width, std=0.2))
        outliers = width // CHANNELS_PER_OUTLIER
        gain[self._random.choice(width, outliers, replace=False)] *= np.float32(OUTLIER_GAIN)
        return gain, self.normal(width, std=0.1)
