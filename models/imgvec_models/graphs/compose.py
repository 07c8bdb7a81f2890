"""Spaces of every width in the graph itself.

A space as wide as the joint embedding is the joint embedding. A wider one is composed: of an
image, the unit joint embedding and the pooled features through an orthonormal projection, each
of norm 1 / sqrt(2); of a text, its joint embedding followed by zeros. So a text's similarity to
every image is that of the joint space over sqrt(2), and each ranking by text stays the same.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper

from imgvec.errors import ModelError
from imgvec_models.graphs.edit import Graph
from imgvec_models.graphs.native import NativeOutputs

SEED = 20260101
"""Of the projections; the matrices are stored in the graph, so this only names the recipe."""
SMALLEST = 1e-12
"""Norms below are taken as this, so that a division never gives NaN."""


def output_name(width: int) -> str:
    """Name of the output of a space."""
    return f"embedding_{width}"


def compose(
    model: onnx.ModelProto,
    native: NativeOutputs,
    widths: Sequence[int],
    tower: Literal["image", "text"],
) -> onnx.ModelProto:
    """Give a tower the outputs `joint` and `embedding_<width>` of each of `widths`.

    All are float32 [n, width]; the last are of norm 1. `pooled` is one more, where the tower has
    pooled features. Token ids become int64 inputs.

    Raises:
        ModelError: a width is under the joint embedding's, or more than the features can fill.
    """
    graph = Graph(model)
    _widen_ids(graph)
    outputs = {"joint": native.joint_width}
    nodes = [
        graph.node("Identity", [native.joint], ["joint"]),
        *_unit(graph, native.joint, "unit_joint"),
    ]
    if native.pooled is not None and native.pooled_width is not None:
        outputs["pooled"] = native.pooled_width
        nodes.append(graph.node("Identity", [native.pooled], ["pooled"]))
    for width in widths:
        rest = width - native.joint_width
        name = output_name(width)
        if rest < 0 or (tower == "image" and rest > (native.pooled_width or 0)):
            raise ModelError(
                f"no space of {width} can be made of {native.joint_width} joint values "
                f"and {native.pooled_width or 0} features"
            )
        if rest == 0:
            nodes.append(graph.node("Identity", ["unit_joint"], [name]))
        elif tower == "image":
            nodes.extend(_join(graph, outputs["pooled"], rest, name))
        else:
            ends = graph.add_constant("pads", np.array([0, 0, 0, rest], np.int64))
            nodes.append(graph.node("Pad", ["unit_joint", ends], [name]))
    graph.append(nodes)
    outputs |= {output_name(width): width for width in widths}
    graph.set_outputs(
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width])
            for name, width in outputs.items()
        ]
    )
    return graph.finish()


def orthonormal(inputs: int, outputs: int, seed: int = SEED) -> NDArray[np.float32]:
    """A seeded matrix `[inputs, outputs]` with orthonormal columns, of uniform distribution."""
    square = np.random.default_rng(seed).standard_normal((inputs, outputs))
    columns, triangle = np.linalg.qr(square)
    return (columns * np.sign(np.diag(triangle))).astype(np.float32)


def _widen_ids(graph: Graph) -> None:
    """Take int64 where the graph takes int32, as every tower of ours does."""
    for tensor in graph.model.graph.input:
        if tensor.type.tensor_type.elem_type == TensorProto.INT32:
            narrow = graph.name(f"{tensor.name}_int32")
            for node in graph.consumers(tensor.name):
                node.input[:] = [narrow if name == tensor.name else name for name in node.input]
            cast = graph.node("Cast", [tensor.name], [narrow], to=TensorProto.INT32)
            graph.nodes.insert(0, cast)
            graph.index()
            tensor.type.tensor_type.elem_type = TensorProto.INT64


def _join(graph: Graph, features: int, rest: int, name: str) -> list[NodeProto]:
    """The unit joint embedding and `rest` values of the features, both times 1 / sqrt(2)."""
    matrix = graph.add_constant("projection", orthonormal(features, rest))
    half = graph.add_constant("half", np.float32(0.5**0.5))
    projected, unit = graph.name("projected"), graph.name("unit_features")
    both = graph.name("both")
    return [
        graph.node("MatMul", ["pooled", matrix], [projected]),
        *_unit(graph, projected, unit),
        graph.node("Concat", ["unit_joint", unit], [both], axis=1),
        graph.node("Mul", [both, half], [name]),
    ]


def _unit(graph: Graph, tensor: str, name: str) -> list[NodeProto]:
    """Rows scaled to norm 1."""
    norm, safe = graph.name("norm"), graph.name("norm")
    smallest = graph.add_constant("smallest", np.float32(SMALLEST))
    return [
        graph.node("ReduceL2", [tensor], [norm], axes=[1], keepdims=1),
        graph.node("Max", [norm, smallest], [safe]),
        graph.node("Div", [tensor, safe], [name]),
    ]
