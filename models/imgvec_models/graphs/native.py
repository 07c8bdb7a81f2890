"""Finding a tower's native outputs by its structure: the joint embedding, and pooled features."""

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, helper

from imgvec.errors import ModelError
from imgvec_models.graphs.edit import Graph
from imgvec_models.graphs.run import shapes_of

PASSED = frozenset({"Identity", "LpNormalization", "Flatten", "Squeeze"})
"""Operators that an export may put behind the projection, besides the division by the norm."""
NORMS = frozenset({"ReduceL2", "ReduceSum", "ReduceSumSquare"})
CHOOSES = frozenset({"Gather", "GatherND", "GatherElements", "Reshape", "Squeeze", "Flatten"})
"""Operators that choose a token."""


@dataclass(frozen=True, slots=True)
class NativeOutputs:
    """The native outputs of a tower, as tensors `[n, dimensions]` of its graph."""

    pooled: str | None
    """Features after the last norm, before the projection; None where a tower ends otherwise."""
    pooled_width: int | None
    joint: str
    """Where images and texts meet; not normalised."""
    joint_width: int


def find_native(model: onnx.ModelProto, output: str) -> NativeOutputs:
    """Walk back from `output`, a tower's embedding, to the projection that made it.

    The projection is the last MatMul or Gemm with a constant matrix. Its input is the pooled
    features, if a layer norm ends there. A tower that ends otherwise (attention that pools, a
    mean, a perceptron) has the joint embedding only.

    Raises:
        ModelError: there is no such output, or it is no vector.
    """
    graph = Graph(model)
    if output not in graph.outputs:
        raise ModelError(
            f"the tower has no output {output}, but {', '.join(graph.outputs)}: "
            "name the one that is its embedding"
        )
    unnormed = _behind_norm(graph, output)
    joint, node = unnormed, graph.producer(unnormed)
    while node is not None and node.op_type in PASSED:
        joint = node.input[0]
        node = graph.producer(joint)
    found = None if node is None else _projection(graph, node)
    if found is not None and _ends_norm(graph, found.features):
        return NativeOutputs(found.features, found.inputs, joint, found.outputs)
    return NativeOutputs(None, None, unnormed, _length(model, output))


def _behind_norm(graph: Graph, output: str) -> str:
    """The tensor that becomes an embedding of norm 1; the embedding itself if it does not."""
    node = graph.producer(output)
    while node is not None and (
        node.op_type in ("Identity", "LpNormalization")
        or (node.op_type == "Div" and _is_norm(graph, node.input[1]))
    ):
        output = node.input[0]
        node = graph.producer(output)
    return output


def _is_norm(graph: Graph, tensor: str) -> bool:
    """Whether a divisor is a norm, perhaps bounded and expanded."""
    while (node := graph.producer(tensor)) is not None:
        if node.op_type in NORMS:
            return True
        tensor = node.input[0]
    return False


def _length(model: onnx.ModelProto, output: str) -> int:
    """The dimensions of an embedding `[n, dimensions]`: as declared, or as it gives them."""
    (declared,) = (one for one in model.graph.output if one.name == output)
    shape: list[int] = [dim.dim_value for dim in declared.type.tensor_type.shape.dim]
    if not all(shape[1:]) or not shape:
        shape = list(shapes_of(model, [output], _blank(model))[output])
    if len(shape) != 2:
        raise ModelError(f"{output} is no embedding of each input: name another output")
    return shape[1]


def _blank(model: onnx.ModelProto) -> dict[str, NDArray[np.generic]]:
    """An input of zeros, as short as the graph allows."""
    feed = {}
    for tensor in model.graph.input:
        kind = tensor.type.tensor_type
        lengths = [dim.dim_value or 1 for dim in kind.shape.dim]
        feed[tensor.name] = np.zeros(lengths, helper.tensor_dtype_to_np_dtype(kind.elem_type))
    return feed


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
