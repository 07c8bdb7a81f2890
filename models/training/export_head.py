"""A head and its layout as ONNX nodes."""

import math

import numpy as np
from torch import Tensor

from training.graph import Graph
from training.heads import Head
from training.layout import BLOCK, BLOCKS, WIDTH, Layout

SMALLEST = 1e-12
"""Below any norm: what keeps a division by zero out."""


def add_head(graph: Graph, features: str, head: Head) -> str:
    """y = W x + W2 relu(W1 x), `[n, 1024]`."""
    linear = _gemm(graph, features, head.lin.weight, head.lin.bias, "h.lin")
    hidden = _gemm(graph, features, head.a.weight, head.a.bias, "h.a")
    hidden = graph.add("Relu", [hidden], "h.relu")
    rest = _gemm(graph, hidden, head.b.weight, head.b.bias, "h.b")
    return graph.add("Add", [linear, rest], "h.add")


def add_layout(graph: Graph, y: str, layout: Layout, images: bool) -> None:
    """The graph's `embedding`, of `y` as `Layout.images` or `Layout.texts` make it."""
    shape = graph.weight("layout.blocks", np.array([-1, BLOCKS, BLOCK]))
    blocks = graph.add("Reshape", [y, shape], "layout.reshape")
    zero, *parts = graph.split(blocks, (1, *layout.widths), "layout.part", axis=2)
    smallest = graph.weight("layout.smallest", np.array([SMALLEST], np.float32))
    units = []
    for index, part in enumerate(parts):
        norm = graph.add("ReduceL2", [part], f"layout.norm.{index}", axes=[2], keepdims=1)
        norm = graph.add("Max", [norm, smallest], f"layout.floor.{index}")
        units.append(graph.add("Div", [part, norm], f"layout.unit.{index}"))
    joined = graph.add("Concat", [zero, *units], "layout.join", axis=2)
    back = graph.weight("layout.vector", np.array([-1, WIDTH]))
    flat = graph.add("Reshape", [joined, back], "layout.flat")
    offset = layout.offset if images else 0.0
    block = [0.0]
    for width, share in zip(layout.widths, layout.shares, strict=True):
        block += [math.sqrt(share / BLOCKS / (1 + offset))] * width
    gain = graph.weight("layout.gain", np.tile(np.array(block, np.float32), BLOCKS))
    if not images:
        graph.add("Mul", [flat, gain], "embedding")
        return
    constant = graph.weight("layout.constant", layout.constant().numpy())
    graph.add("Add", [graph.add("Mul", [flat, gain], "layout.scaled"), constant], "embedding")


def _gemm(graph: Graph, x: str, weight: Tensor, bias: Tensor, name: str) -> str:
    weights = graph.weight(f"{name}.weight", weight.numpy())
    biases = graph.weight(f"{name}.bias", bias.numpy())
    return graph.add("Gemm", [x, weights, biases], f"{name}.out", transB=1)
