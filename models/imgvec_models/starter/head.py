"""The trained heads, y = W x + W2 relu(W1 x), and the end of both graphs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imgvec.errors import ModelError
from imgvec_models.shapes.nodes import Nodes

BLOCKS = 4
"""Of an embedding that is laid out: each has norm 1/2, and its first value is the offset's."""
SMALLEST = 1e-12

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Head:
    """One side: `lin` is W, `a` is W1 and `b` is W2, each weight [out, in] and bias [out]."""

    lin: tuple[Array, Array]
    a: tuple[Array, Array]
    b: tuple[Array, Array]


@dataclass(frozen=True, slots=True)
class Heads:
    """Both sides, and how image features are standardised."""

    image: Head
    text: Head
    mean: Array
    std: Array


def read_heads(path: Path) -> Heads:
    """Read a heads file: `{img,txt}.{lin,a,b}.{weight,bias}`, `mean` and `std`, float32.

    Raises:
        ModelError: it is missing, or lacks one of these.
    """
    try:
        with np.load(path) as file:
            found = {name: file[name].astype(np.float32) for name in file.files}
        return Heads(_side(found, "img"), _side(found, "txt"), found["mean"], found["std"])
    except (OSError, ValueError, KeyError):
        raise ModelError(f"{path} is missing or no heads file: train it, or restore it") from None


def _side(found: Mapping[str, Array], side: str) -> Head:
    lin, a, b = (
        (found[f"{side}.{name}.weight"], found[f"{side}.{name}.bias"]) for name in ("lin", "a", "b")
    )
    return Head(lin, a, b)


def add_head(nodes: Nodes, head: Head, x: str, offset: float | None, raised: bool) -> None:
    """From features to `embedding`, of norm 1; with an `offset` laid out in blocks."""

    def linear(name: str, taken: str, of_it: tuple[Array, Array]) -> str:
        weight, bias = (
            nodes.weight(f"head.{name}.{part}", array)
            for part, array in zip(("weight", "bias"), of_it, strict=True)
        )
        return nodes.op("Gemm", [taken, weight, bias], f"head.{name}", transB=1)

    hidden = nodes.op("Relu", [linear("a", x, head.a)], "head.relu")
    y = nodes.op("Add", [linear("lin", x, head.lin), linear("b", hidden, head.b)], "head.y")
    if offset is None:
        _unit(nodes, y, 1, "unit")
    else:
        _lay_out(nodes, y, len(head.lin[1]), offset if raised else 0.0, raised)
    nodes.rename_last("embedding")


def _lay_out(nodes: Nodes, y: str, width: int, offset: float, raised: bool) -> None:
    """Blocks of norm 1/2 whose first value is zero; then, raised, the offset's constant in it."""
    kept = np.ones((BLOCKS, width // BLOCKS), np.float32)
    kept[:, 0] = 0
    blocks = nodes.op("Reshape", [y, nodes.constant([0, BLOCKS, -1])], "blocks")
    free = nodes.op("Mul", [blocks, nodes.weight("kept", kept)], "free")
    unit = _unit(nodes, free, 2, "unit_blocks")
    scale = float((BLOCKS * (1 + offset)) ** -0.5)
    scaled = nodes.op("Mul", [unit, nodes.constant(scale)], "scaled")
    if raised:
        constant = (1 - kept) * np.float32(scale * offset**0.5)
        scaled = nodes.op("Add", [scaled, nodes.weight("offset", constant)], "raised")
    nodes.op("Reshape", [scaled, nodes.constant([0, -1])], "laid_out")


def _unit(nodes: Nodes, x: str, axis: int, name: str) -> str:
    """Vectors along an axis scaled to norm 1."""
    norm = nodes.op("ReduceL2", [x], f"{name}.norm", axes=[axis], keepdims=1)
    safe = nodes.op("Max", [norm, nodes.constant(SMALLEST)], f"{name}.safe")
    return nodes.op("Div", [x, safe], name)
