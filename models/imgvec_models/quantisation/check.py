"""Proving the pair bound on the integers of a built file."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto

from imgvec_models.graphs.edit import Graph
from imgvec_models.quantisation.pairs import BOUND, largest_sums

WEIGHT_INPUTS = {
    "MatMulInteger": 1,
    "MatMulIntegerToFloat": 1,
    "DynamicQuantizeMatMul": 1,
    "ConvInteger": 1,
    "QLinearConv": 3,
    "QLinearMatMul": 3,
    "QGemm": 3,
    "QAttention": 1,
    # With a DequantizeLinear before them, ONNX Runtime makes integer kernels of these.
    "Conv": 1,
    "Gemm": 1,
    "MatMul": 1,
}
"""Where each integer product has its weights."""

Integers = NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class LayerSums:
    """One layer's pairs."""

    name: str
    exempt: str | None
    """Why it needs no bound: depthwise kernels and unsigned weights do not add in 16 bits."""
    largest: int
    """Greatest same-sign sum of a pair."""
    violations: int
    """Outputs with a pair over the bound."""


@dataclass(frozen=True, slots=True)
class PairReport:
    """Findings in one file."""

    layers: tuple[LayerSums, ...]

    @property
    def violations(self) -> int:
        """Outputs with a pair over the bound, in all layers; 0 proves the file exact."""
        return sum(layer.violations for layer in self.layers)

    @property
    def largest(self) -> int:
        """The greatest same-sign sum of any bound pair."""
        return max((layer.largest for layer in self.layers if layer.exempt is None), default=0)

    def __str__(self) -> str:
        """One line for a person."""
        exempt = sum(layer.exempt is not None for layer in self.layers)
        return (
            f"{len(self.layers)} integer layers, {exempt} of them exempt, "
            f"greatest pair {self.largest} of {BOUND}, {self.violations} violations"
        )


def check_pairs(model: onnx.ModelProto) -> PairReport:
    """Look at every integer weight of a graph that meets 8-bit activations."""
    graph = Graph(model)
    return PairReport(tuple(_layers(graph)))


def _layers(graph: Graph) -> Iterator[LayerSums]:
    for node in graph.nodes:
        place = WEIGHT_INPUTS.get(node.op_type)
        weights = None if place is None else _integers(graph, node.input[place])
        if weights is None:
            continue
        exempt = _exemption(node, weights)
        sums = largest_sums(*_by_output(node, weights)) if exempt is None else np.zeros(1, np.int64)
        yield LayerSums(node.name, exempt, int(sums.max()), int((sums > BOUND).sum()))


def _integers(graph: Graph, tensor: str) -> Integers | None:
    """8-bit weights, stored as such or behind a DequantizeLinear; None for anything else."""
    maker = graph.producer(tensor)
    if maker is not None and maker.op_type == "DequantizeLinear":
        tensor = maker.input[0]
    stored = graph.constant(tensor)
    if stored is None or stored.dtype not in (np.int8, np.uint8):
        return None
    return stored.astype(stored.dtype, copy=False)


def _exemption(node: NodeProto, weights: Integers) -> str | None:
    if weights.dtype == np.uint8:
        return "unsigned"
    if weights.ndim == 4 and weights.shape[1] == 1:
        return "depthwise"
    return None


def _by_output(node: NodeProto, weights: Integers) -> tuple[Integers, tuple[int, ...]]:
    """Weights as `[outputs, K]`, and the shape of one output's."""
    if weights.ndim == 4:
        return weights.reshape(len(weights), -1), weights.shape[1:]
    turned = any(a.name == "transB" and a.i for a in node.attribute)
    rows = weights if turned else weights.reshape(-1, weights.shape[-1]).T
    return rows, rows.shape[1:]
