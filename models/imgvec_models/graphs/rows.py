"""Matrices over rows `[n, t, width]`, in the place of exports that turn and flatten them.

PyTorch's own attention has positions first, and a Gemm takes two axes. A matrix acts on the last
axis alone, so what turns rows before it and turns them back behind it goes.
"""

import numpy as np
import onnx
from onnx import NodeProto

from imgvec_models.graphs.edit import Graph
from imgvec_models.graphs.moves import Path, Shapes, down, follow, only, up
from imgvec_models.graphs.run import Feed, shapes_of


def straighten(model: onnx.ModelProto, probe: Feed) -> onnx.ModelProto:
    """Apply each constant matrix to rows as they lie, where both ends are `[1, t, width]`.

    `probe` is one input, from which shapes are read.
    """
    graph = Graph(model)
    found = [
        (layer, up(graph, layer[0].input[0]), down(graph, layer[-1].output[0]))
        for node in graph.nodes
        if (layer := _layer(graph, node)) is not None
    ]
    moved = [one for one in found if one[1].steps or one[2].steps]
    tensors = {name for _, before, after in moved for name in before.tensors + after.tensors}
    shapes = shapes_of(model, tensors, probe)
    for layer, before, after in moved:
        begins = [one for one in before.tensors if _reaches(graph, before.behind(one), shapes)]
        ends = [one for one in after.tensors if _comes(graph, after.until(one), shapes)]
        if begins and ends:
            last = (layer[-1], *(node for node, _ in after.steps))[after.tensors.index(ends[-1])]
            graph.replace([last], _over_rows(graph, layer, begins[0], ends[-1]))
        elif begins and (picked := _picked(graph, after, shapes)) is not None:
            rows = graph.name(f"{after.end}_rows")
            gather = graph.node("Gather", [rows, picked.input[1]], [*picked.output], axis=1)
            graph.replace([picked], [*_over_rows(graph, layer, begins[0], rows), gather])
    return graph.finish()


def _layer(graph: Graph, node: NodeProto) -> list[NodeProto] | None:
    """A product with a constant matrix, and the addition of its bias."""
    shape = graph.shape(node.input[1]) if node.op_type in ("MatMul", "Gemm") else None
    if shape is None or len(shape) != 2:
        return None
    if node.op_type == "Gemm":
        said = {one.name: one for one in node.attribute}
        plain = all(said[name].f == 1 for name in ("alpha", "beta") if name in said)
        return [node] if plain and not ("transA" in said and said["transA"].i) else None
    consumers = graph.consumers(node.output[0])
    if len(consumers) == 1 and consumers[0].op_type == "Add":
        (other,) = [one for one in consumers[0].input if one != node.output[0]] or [""]
        if graph.shape(other) == shape[1:]:
            return [node, consumers[0]]
    return [node]


def _reaches(graph: Graph, path: Path, shapes: Shapes) -> bool:
    """Whether a path begins with `[1, t, width]`, and ends with the same rows in order."""
    return _is_rows(shapes[path.start]) and _keeps_rows(graph, path, shapes)


def _comes(graph: Graph, path: Path, shapes: Shapes) -> bool:
    """Whether a path ends with `[1, t, width]`, and began with the same rows in order."""
    return _is_rows(shapes[path.end]) and _keeps_rows(graph, path, shapes)


def _picked(graph: Graph, after: Path, shapes: Shapes) -> NodeProto | None:
    """The node that picks a position of `[t, 1, width]`, where that is all that is read."""
    node, shape = only(graph, after.end), shapes[after.end]
    if node is None or node.op_type != "Gather" or len(shape) != 3 or shape[1] != 1:
        return None
    index = graph.constant(node.input[1])
    along = next((one.i for one in node.attribute if one.name == "axis"), 0)
    one_row = index is not None and index.ndim == 0 and along == 0
    return node if one_row and _keeps_rows(graph, after, shapes) else None


def _is_rows(shape: tuple[int, ...]) -> bool:
    return len(shape) == 3 and shape[0] == 1


def _keeps_rows(graph: Graph, path: Path, shapes: Shapes) -> bool:
    places = follow(graph, path, shapes)
    in_place = places.ravel() == np.arange(places.size)
    return shapes[path.start][-1] == shapes[path.end][-1] and bool(in_place.all())


def _over_rows(graph: Graph, layer: list[NodeProto], begin: str, end: str) -> list[NodeProto]:
    first = layer[0]
    matrix, bias = first.input[1], None
    if len(layer) == 2:
        bias = next(one for one in layer[1].input if one != first.output[0])
    elif first.op_type == "Gemm":
        bias = first.input[2] if len(first.input) > 2 else None
        stored = graph.constant(matrix)
        if stored is not None and any(a.name == "transB" and a.i for a in first.attribute):
            matrix = graph.add_constant(matrix, np.ascontiguousarray(stored.T))
    if bias is None:
        return [graph.node("MatMul", [begin, matrix], [end])]
    product = graph.name(f"{end}_product")
    return [
        graph.node("MatMul", [begin, matrix], [product]),
        graph.node("Add", [product, bias], [end]),
    ]
