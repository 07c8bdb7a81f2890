"""Matrices over rows `[n, t, width]`, in the place of exports that turn and flatten them.

PyTorch's own attention has positions first, and a Gemm takes two axes. A matrix acts on the last
axis alone, so what turns rows before it and turns them back behind it goes.
"""

import numpy as np
import onnx
from onnx import NodeProto

from imgvec_models.graphs.edit import Graph
from imgvec_models.graphs.moves import Path, Shapes, down, follow, in_order, up
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
        begin = next((one for one in before.tensors if _is_rows(graph, before, one, shapes)), None)
        ends = [one for one in after.tensors if _is_rows(graph, after, one, shapes)]
        if begin is not None and ends and shapes[begin][1] == shapes[ends[-1]][1]:
            maker = graph.producer(ends[-1])
            assert maker is not None
            graph.replace([maker], _over_rows(graph, layer, begin, ends[-1]))
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


def _is_rows(graph: Graph, path: Path, tensor: str, shapes: Shapes) -> bool:
    """Whether a tensor on a path is `[1, t, width]`, its values in the order of both ends."""
    shape = shapes[tensor]
    place = path.tensors.index(tensor)
    ways = (Path(path.start, path.steps[:place]), Path(tensor, path.steps[place:]))
    return (
        len(shape) == 3
        and shape[0] == 1
        and all(np.array_equal(follow(graph, one, shapes).ravel(), in_order(int(np.prod(shape)))) for one in ways)
        and all(shapes[one][-1] == shape[-1] for one in (path.start, path.end))
    )


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
