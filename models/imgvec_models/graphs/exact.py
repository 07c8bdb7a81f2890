"""Attention in operators that round alike on every x86.

ONNX Runtime's softmax, alone or within MultiHeadAttention, sums eight values at a time with AVX2
and sixteen with AVX-512. The last bit of such a sum differs, now and then a value then falls to the
other side of a rounding to uint8, and the layers behind carry that into every value of the vector.
Its maximum, exponential, products and sums of rows are the same bits on both; so the softmax is
made of those. That takes a fiftieth of B/32's time more, and a twentieth of L/14's.
"""

from typing import Final

import numpy as np
import onnx
from onnx import NodeProto

from imgvec_models.graphs.edit import MICROSOFT, Graph

UNSEEN: Final = -1e30
"""Added to the score of a position that is hidden: whatever it was, its share is 0."""
LAST: Final = -1
HEADS_FIRST: Final = [0, 2, 1, 3]
"""`[n, t, heads, d]` to `[n, heads, t, d]`, and back."""


def exact_attention(model: onnx.ModelProto) -> onnx.ModelProto:
    """Take every MultiHeadAttention and Softmax apart; values change by rounding alone."""
    graph = Graph(model)
    hides = _hide_always(graph)
    for node in list(graph.nodes):
        if node.op_type == "MultiHeadAttention":
            graph.replace([node], _attention(graph, node, hides))
    for node in list(graph.nodes):
        if node.op_type == "Softmax" and _axis(node) == LAST:
            graph.replace([node], _softmax(graph, node))
    return graph.finish()


def _hide_always(graph: Graph) -> str | None:
    """The mask of what comes later, for texts of one length; None where lengths differ."""
    shapes = [one.type.tensor_type.shape.dim for one in graph.model.graph.input]
    lengths = {shape[1].dim_value for shape in shapes if len(shape) == 2}
    if len(lengths) != 1 or not (length := lengths.pop()):
        return None
    return graph.add_constant("later", np.triu(np.full((length, length), UNSEEN, np.float32), 1))


def _attention(graph: Graph, whole: NodeProto, hides: str | None) -> list[NodeProto]:
    """softmax(scale q k^T + mask) v, for tensors `[n, t, heads * d]`."""
    (merged,) = whole.output
    said = {one.name: onnx.helper.get_attribute_value(one) for one in whole.attribute}
    heads = graph.add_constant("heads", np.array([0, 0, said["num_heads"], -1], np.int64))
    joined = graph.add_constant("joined", np.array([0, 0, -1], np.int64))
    nodes, split = [], []
    for tensor in whole.input[:3]:
        apart, first = graph.name(f"{tensor}_heads"), graph.name(f"{tensor}_heads_first")
        nodes.append(graph.node("Reshape", [tensor, heads], [apart]))
        nodes.append(graph.node("Transpose", [apart], [first], perm=HEADS_FIRST))
        split.append(first)
    query, key, value = split
    scores, mixed, shared, back = (
        graph.name(f"{merged}_{what}") for what in ("scores", "mixed", "shared", "back")
    )
    product = {"transB": 1, "alpha": float(said["scale"])}
    nodes.append(graph.node("FusedMatMul", [query, key], [scores], MICROSOFT, **product))
    if said.get("unidirectional"):
        hidden = graph.name(f"{merged}_hidden")
        if hides is None:
            nodes.extend(_hide_later(graph, scores, hidden))
        else:
            nodes.append(graph.node("Add", [scores, hides], [hidden]))
        scores = hidden
    steps, powers, total = _powers(graph, scores)
    nodes.extend(steps)
    # Divided behind the product: of many positions there are more shares than values.
    nodes.append(graph.node("MatMul", [powers, value], [mixed]))
    nodes.append(graph.node("Div", [mixed, total], [shared]))
    nodes.append(graph.node("Transpose", [shared], [back], perm=HEADS_FIRST))
    nodes.append(graph.node("Reshape", [back, joined], [merged]))
    return nodes


def _hide_later(graph: Graph, scores: str, hidden: str) -> list[NodeProto]:
    """Add `UNSEEN` to every score `[..., t, t]` of a position with a later one."""
    begin, end, above = (
        graph.add_constant("hide", np.array(value, np.int64)) for value in ([2], [4], 1)
    )
    shape, square, full, mask = (
        graph.name(f"{hidden}_{what}") for what in ("shape", "t", "f", "m")
    )
    value = onnx.numpy_helper.from_array(np.array([UNSEEN], np.float32))
    filled = graph.node("ConstantOfShape", [square], [full])
    filled.attribute.append(onnx.helper.make_attribute("value", value))
    return [
        graph.node("Shape", [scores], [shape]),
        graph.node("Slice", [shape, begin, end], [square]),
        filled,
        graph.node("Trilu", [full, above], [mask], upper=1),
        graph.node("Add", [scores, mask], [hidden]),
    ]


def _softmax(graph: Graph, node: NodeProto) -> list[NodeProto]:
    steps, powers, total = _powers(graph, node.input[0])
    return [*steps, graph.node("Div", [powers, total], [node.output[0]])]


def _powers(graph: Graph, scores: str) -> tuple[list[NodeProto], str, str]:
    """Nodes that make e**(x - max) along the last axis, its tensor, and that of its sums."""
    axis = graph.add_constant("last", np.array([LAST], np.int64))
    greatest, below, powers, total = (
        graph.name(f"{scores}_{what}") for what in ("max", "below", "exp", "sum")
    )
    nodes = [
        graph.node("ReduceMax", [scores], [greatest], axes=[LAST]),
        graph.node("Sub", [scores, greatest], [below]),
        graph.node("Exp", [below], [powers]),
        graph.node("ReduceSum", [powers, axis], [total]),
    ]
    return nodes, powers, total


def _axis(softmax: NodeProto) -> int:
    return next((one.i for one in softmax.attribute if one.name == "axis"), LAST)
