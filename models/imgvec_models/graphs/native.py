"""Finding a tower's two native outputs by its structure."""

from dataclasses import dataclass

import onnx
from onnx import NodeProto

from imgvec.errors import ModelError
from imgvec_models.graphs.edit import Graph

PASSED = frozenset({"Div", "Identity", "LpNormalization", "Flatten", "Squeeze"})
"""Operators that an export may put behind the projection: normalisation and shape."""
CHOOSES = frozenset({"Gather", "GatherND", "GatherElements", "Reshape", "Squeeze", "Flatten"})
"""Operators that choose a token."""


@dataclass(frozen=True, slots=True)
class NativeOutputs:
    """The two native outputs of a tower, as tensors `[n, width]` of its graph."""

    pooled: str
    """Features after the last norm, before the projection."""
    pooled_width: int
    joint: str
    """The projection of them, where images and texts meet; not normalised."""
    joint_width: int


def find_native(model: onnx.ModelProto, output: str) -> NativeOutputs:
    """Walk back from `output`, a tower's embedding, to the projection that made it.

    The projection is the last MatMul or Gemm with a constant matrix; its input is the pooled
    features, where a layer norm ends.

    Raises:
        ModelError: there is no such output, or the graph does not end in this way.
    """
    graph = Graph(model)
    if output not in graph.outputs:
        raise ModelError(
            f"the tower has no output {output}, but {', '.join(graph.outputs)}: "
            "name the one that is its embedding"
        )
    joint, node = output, graph.producer(output)
    while node is not None and node.op_type in PASSED:
        joint = node.input[0]
        node = graph.producer(joint)
    found = None if node is None else _projection(graph, node)
    if found is None or not _ends_norm(graph, found.features):
        raise ModelError(f"{output} is not the projection of a normed feature: no CLIP tower")
    return NativeOutputs(found.features, found.inputs, joint, found.outputs)


@dataclass(frozen=True, slots=True)
class _Projection:
    features: str
    inputs: int
    outputs: int


def _projection(graph: Graph, node: NodeProto) -> _Projection | None:
    """The projection that a node ends; None if it ends none."""
    if node.op_type == "Mul":
        return _integer_projection(graph, node)
    shape = graph.shape(node.input[1]) if node.op_type in ("MatMul", "Gemm") else None
    if shape is None or len(shape) != 2:
        return None
    turned = any(a.name == "transB" and a.i for a in node.attribute)
    return _Projection(node.input[0], *(shape[::-1] if turned else shape))


def _integer_projection(graph: Graph, scaling: NodeProto) -> _Projection | None:
    """A dynamically quantised projection, of which `scaling` is the last node."""
    for tensor in scaling.input:
        chain = [scaling]
        for kind in ("Cast", "MatMulInteger", "DynamicQuantizeLinear"):
            node = graph.producer(tensor)
            if node is None or node.op_type != kind:
                break
            chain.append(node)
            tensor = node.input[0]
        else:
            shape = graph.shape(chain[2].input[1])
            return None if shape is None else _Projection(tensor, *shape)
    return None


def _ends_norm(graph: Graph, tensor: str) -> bool:
    """Whether a layer norm comes before, with nothing but the choice of a token between."""
    while (node := graph.producer(tensor)) is not None:
        if node.op_type == "LayerNormalization":
            return True
        if node.op_type == "Add":
            return any(_scales_unit(graph, name) for name in node.input)
        if node.op_type not in CHOOSES | {"Cast"}:
            return False
        tensor = node.input[0]
    return False


def _scales_unit(graph: Graph, tensor: str) -> bool:
    """Whether a tensor is a layer norm before its bias: a quotient times the gain."""
    gain = graph.producer(tensor)
    if gain is None or gain.op_type != "Mul":
        return False
    makers = [graph.producer(name) for name in gain.input]
    return any(maker is not None and maker.op_type == "Div" for maker in makers)
