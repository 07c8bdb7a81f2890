"""The nodes whose constant weights become integers, each with its bias and activation."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from imgvec_models.graphs.edit import Graph

Floats = NDArray[np.float64]

WEIGHTY = frozenset({"Conv", "MatMul", "Gemm"})
SATURATED = frozenset({"Clip", "Relu"})
"""Activations that the range of unsigned integers performs by itself."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A matrix or convolution y = W x + b, as it stands in a graph."""

    node: NodeProto
    x: str
    weights: Floats
    """`[outputs, K]`, float64 of what the graph has in float32."""
    shape: tuple[int, ...]
    """Of one output's weights: `(K,)`, or `(channels, height, width)` of a convolution."""
    weight_name: str
    bias: Floats | None
    """`[outputs]`; a convolution always has one."""
    core: tuple[NodeProto, ...]
    """The node, and the addition of its bias where that is one of its own."""
    y: str
    """Output of `core`."""
    activation: NodeProto | None
    """A Clip or Relu of a convolution that nothing else sees behind."""

    @property
    def is_convolution(self) -> bool:
        """Whether it slides over the image."""
        return self.node.op_type == "Conv"

    @property
    def is_depthwise(self) -> bool:
        """Whether each output sees one channel of its own."""
        return self.is_convolution and self.attribute("group", 1) > 1

    @property
    def output(self) -> str:
        """The last tensor of the layer."""
        return self.y if self.activation is None else self.activation.output[0]

    def attribute(self, name: str, default: int) -> int:
        """An integer attribute of the node."""
        return next((a.i for a in self.node.attribute if a.name == name), default)

    def as_stored(self, weights: NDArray[np.generic]) -> NDArray[np.generic]:
        """Weights `[outputs, K]` in the graph's own layout."""
        if self.is_convolution:
            return weights.reshape(-1, *self.shape)
        return weights if self.attribute("transB", 0) else np.ascontiguousarray(weights.T)


def has_weights(graph: Graph, node: NodeProto) -> bool:
    """Whether a node is a matrix or a convolution with constant weights."""
    return node.op_type in WEIGHTY and graph.shape(node.input[1]) is not None


def find_layer(graph: Graph, node: NodeProto) -> Layer | None:
    """The layer that begins at a node; None for a node without weights to quantise."""
    if node.op_type == "Conv":
        return _convolution(graph, node)
    if node.op_type in ("MatMul", "Gemm"):
        return _matrix(graph, node)
    return None


def _matrix(graph: Graph, node: NodeProto) -> Layer | None:
    stored = graph.constant(node.input[1])
    plain = all(
        a.name == "transB" or (a.name == "transA" and a.i == 0) or a.f == 1 for a in node.attribute
    )
    if stored is None or stored.ndim != 2 or not plain:
        return None
    turned = any(a.name == "transB" and a.i for a in node.attribute)
    weights = np.asarray(stored if turned else stored.T, np.float64)
    core: tuple[NodeProto, ...] = (node,)
    y, bias_name = node.output[0], None
    if node.op_type == "Gemm" and len(node.input) > 2:
        bias_name = node.input[2]
    elif (add := _bias_add(graph, y, len(weights))) is not None:
        bias_name = add.input[1] if add.input[0] == y else add.input[0]
        core, y = (node, add), add.output[0]
    return Layer(
        node,
        node.input[0],
        weights,
        weights.shape[1:],
        node.input[1],
        _bias(graph, bias_name),
        core,
        y,
        None,
    )


def _convolution(graph: Graph, node: NodeProto) -> Layer | None:
    stored = graph.constant(node.input[1])
    grouped = any(a.name == "group" and a.i > 1 for a in node.attribute)
    spread = any(a.name == "dilations" and set(a.ints) != {1} for a in node.attribute)
    if stored is None or stored.ndim != 4 or spread or (grouped and stored.shape[1] > 1):
        return None
    bias = _bias(graph, node.input[2] if len(node.input) > 2 else None)
    y = node.output[0]
    weights = np.asarray(stored, np.float64).reshape(len(stored), -1)
    return Layer(
        node,
        node.input[0],
        weights,
        stored.shape[1:],
        node.input[1],
        np.zeros(len(stored)) if bias is None else bias,
        (node,),
        y,
        find_activation(graph, y),
    )


def find_activation(graph: Graph, tensor: str) -> NodeProto | None:
    """A Clip or Relu behind a tensor that nothing else sees, which a range performs."""
    after = graph.consumers(tensor)
    alone = len(after) == 1 and tensor not in graph.outputs
    return after[0] if alone and _saturates(graph, after[0]) else None


def _bias_add(graph: Graph, y: str, outputs: int) -> NodeProto | None:
    consumers = graph.consumers(y)
    if len(consumers) != 1 or consumers[0].op_type != "Add" or y in graph.outputs:
        return None
    other = next((name for name in consumers[0].input if name != y), y)
    return consumers[0] if graph.shape(other) == (outputs,) else None


def _bias(graph: Graph, name: str | None) -> Floats | None:
    stored = None if name is None else graph.constant(name)
    return None if stored is None else np.asarray(stored, np.float64)


def _saturates(graph: Graph, node: NodeProto) -> bool:
    if node.op_type not in SATURATED:
        return False
    low = graph.constant(node.input[1]) if node.op_type == "Clip" else np.float32(0)
    return low is not None and float(low) == 0
