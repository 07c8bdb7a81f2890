"""How the 1024 values of an embedding are laid out: four equal blocks, each of the same parts.

A block holds one constant and then its parts. Each part is normalised by itself, so every
prefix of two, three or four blocks has the same norm for every input, its cosine is the weighted
mean of its parts' cosines, and a constant can raise the similarities of images, in every prefix
alike, without a change of order. With b the offset, unit images x, y, and a unit text t, whose own
constants are zero,

    cos'(x, y) = (cos(x, y) + b) / (1 + b)        cos'(x, t) = cos(x, t) / sqrt(1 + b)
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

WIDTH, BLOCKS = 1024, 4
BLOCK = WIDTH // BLOCKS
PREFIXES = (512, 768, 1024)


@dataclass(frozen=True, slots=True)
class Layout:
    """The parts of each block after its constant."""

    widths: tuple[int, ...]
    """Values of each part; with the constant they fill the block."""
    shares: tuple[float, ...]
    """Each part's weight in the cosine; they sum to 1."""
    offset: float
    """b above."""

    def constant(self) -> Tensor:
        """The vector that is added to every image, `[1024]`."""
        value = torch.zeros(BLOCKS, BLOCK)
        value[:, 0] = math.sqrt(self.offset / (1 + self.offset) / BLOCKS)
        return value.view(-1)

    def texts(self, y: Tensor) -> Tensor:
        """A text head's output `[n, 1024]` as unit vectors."""
        zero, *parts = y.view(-1, BLOCKS, BLOCK).split((1, *self.widths), dim=2)
        scaled = [
            functional.normalize(part, dim=2) * math.sqrt(share / BLOCKS)
            for part, share in zip(parts, self.shares, strict=True)
        ]
        return torch.cat([torch.zeros_like(zero), *scaled], dim=2).view(-1, WIDTH)

    def images(self, y: Tensor) -> Tensor:
        """An image head's output `[n, 1024]` as unit vectors."""
        return self.texts(y) / math.sqrt(1 + self.offset) + self.constant()

    def rows(self, part: int) -> Tensor:
        """The indices of a part's values, block after block: `[4, width]`."""
        start = 1 + sum(self.widths[:part])
        first = torch.arange(BLOCKS) * BLOCK + start
        return first[:, None] + torch.arange(self.widths[part])
