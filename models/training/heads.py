"""The heads: y = W x + W2 relu(W1 x), from each tower's features to the shared space.

A heads file (`.npz`, float32) holds `img.{lin,a,b}.{weight,bias}` for W, W1 and W2, the same under
`txt.`, and the `mean` and `std` by which image features are standardised. If it also holds a layout
(`widths`, `shares`, `offset`), both outputs are normalised part by part; otherwise as a whole.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.layout import Layout

LAYERS = ("lin", "a", "b")


@dataclass(frozen=True, slots=True)
class Linear:
    """x -> weight x + bias."""

    weight: Tensor
    bias: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """`[n, in]` to `[n, out]`."""
        return functional.linear(x, self.weight, self.bias)


@dataclass(frozen=True, slots=True)
class Head:
    """One side's head."""

    lin: Linear
    a: Linear
    b: Linear

    def __call__(self, x: Tensor, dropout: float = 0.0) -> Tensor:
        """`[n, in]` to `[n, out]`, not normalised; `dropout` on the input and the hidden layer."""
        x = functional.dropout(x, dropout, training=dropout > 0)
        hidden = functional.dropout(torch.relu(self.a(x)), dropout, training=dropout > 0)
        return self.lin(x) + self.b(hidden)

    def layers(self) -> tuple[Linear, Linear, Linear]:
        """W, W1 and W2."""
        return self.lin, self.a, self.b


@dataclass(frozen=True, slots=True)
class Standard:
    """Image features with mean 0 and standard deviation 1.

    Their tails are long, and are left so: of square roots a head learns the tower's classes less
    well, because the tower's own classifier is linear in the features as they are.
    """

    mean: Tensor
    std: Tensor

    def __call__(self, features: Tensor) -> Tensor:
        """The tower's features `[n, 1280]` to what the head takes."""
        return (features - self.mean) / self.std

    def undo(self, z: Tensor) -> Tensor:
        """The tower's features of standardised ones."""
        return z * self.std + self.mean


@dataclass(frozen=True, slots=True)
class Heads:
    """Both heads."""

    image: Head
    text: Head
    standard: Standard
    layout: Layout | None

    def images(self, features: Tensor) -> Tensor:
        """The image tower's features `[n, 1280]` to unit vectors `[n, 1024]`."""
        y = self.image(self.standard(features))
        return functional.normalize(y, dim=1) if self.layout is None else self.layout.images(y)

    def texts(self, features: Tensor) -> Tensor:
        """The text tower's features `[n, 384]` to unit vectors `[n, 1024]`."""
        y = self.text(features)
        return functional.normalize(y, dim=1) if self.layout is None else self.layout.texts(y)


def new_head(width: int, hidden: int, out: int) -> Head:
    """A head with random weights, uniform within 1/sqrt(in) as `torch.nn.Linear` has them."""
    return Head(_new(width, out), _new(width, hidden), _new(hidden, out))


def save(heads: Heads, path: Path) -> None:
    """Write a heads file."""
    arrays = {"mean": heads.standard.mean, "std": heads.standard.std}
    for side, head in (("img", heads.image), ("txt", heads.text)):
        for layer, linear in zip(LAYERS, head.layers(), strict=True):
            arrays[f"{side}.{layer}.weight"] = linear.weight
            arrays[f"{side}.{layer}.bias"] = linear.bias
    if heads.layout is not None:
        arrays["widths"] = torch.tensor(heads.layout.widths)
        arrays["shares"] = torch.tensor(heads.layout.shares, dtype=torch.float64)
        arrays["offset"] = torch.tensor(heads.layout.offset, dtype=torch.float64)
    written = {name: tensor.detach().numpy() for name, tensor in arrays.items()}
    np.savez(path, allow_pickle=False, **written)


def load(path: Path) -> Heads:
    """Read a heads file."""
    with np.load(path) as file:
        arrays = {name: torch.from_numpy(file[name]) for name in file.files}

    def head(side: str) -> Head:
        lin, a, b = (
            Linear(arrays[f"{side}.{layer}.weight"], arrays[f"{side}.{layer}.bias"])
            for layer in LAYERS
        )
        return Head(lin, a, b)

    layout = None
    if "widths" in arrays:
        layout = Layout(
            tuple(arrays["widths"].tolist()),
            tuple(arrays["shares"].tolist()),
            arrays["offset"].item(),
        )
    return Heads(head("img"), head("txt"), Standard(arrays["mean"], arrays["std"]), layout)


def _new(width: int, out: int) -> Linear:
    bound = width**-0.5
    weight, bias = torch.empty(out, width), torch.empty(out)
    return Linear(weight.uniform_(-bound, bound), bias.uniform_(-bound, bound))
