"""Shapes that a graph computes at each run, made constants where they are always the same."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import onnx

from imgvec_models.graphs.edit import Graph
from imgvec_models.graphs.run import Array, Feed, shapes_of, values

MOST: Final = 64
"""Values of a constant that is made; shapes and scales are far smaller."""


def fold_shapes(model: onnx.ModelProto, one: Feed, two: Feed) -> onnx.ModelProto:
    """Make constants of what shapes alone decide, if it is the same for a batch of one and of two.

    A Reshape of which the batch decides one length has that length left open.
    """
    graph = Graph(model)
    decided = _decided_by_shapes(graph)
    found = _values(model, decided, one), _values(model, decided, two)
    same = {
        name: array
        for name, array in found[0].items()
        if array.size <= MOST and np.array_equal(array, found[1][name])
    }
    open_ = {
        node.output[0]: node.input[1]
        for node in graph.nodes
        if node.op_type == "Reshape" and node.input[1] in decided - set(same)
    }
    shapes = tuple(shapes_of(model, list(open_), feed) for feed in (one, two))
    constants = {name: graph.add_constant(name, array) for name, array in same.items()}
    for node in graph.nodes:
        node.input[:] = [constants.get(name, name) for name in node.input]
        if node.output[0] in open_:
            lengths = _with_one_open(*(np.array(each[node.output[0]]) for each in shapes))
            if lengths is not None:
                node.input[1] = graph.add_constant("lengths", lengths)
    return graph.finish()


def _decided_by_shapes(graph: Graph) -> set[str]:
    """Tensors that come of shapes and constants, and of no value."""
    found: set[str] = set()
    for node in graph.nodes:
        computed = {name for name in node.input if name and graph.shape(name) is None}
        if node.op_type == "Shape" or (computed and computed <= found):
            found.update(node.output)
    return found - set(graph.outputs)


def _values(model: onnx.ModelProto, tensors: set[str], feed: Feed) -> Mapping[str, Array]:
    names = sorted(tensors)
    return dict(zip(names, values(model, names, feed) if names else [], strict=True))


def _with_one_open(
    one: Array, two: Array
) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]] | None:
    """A shape for any batch: the length that differs is left open; None if several do."""
    if one.shape != two.shape or (one != two).sum() > 1:
        return None
    return np.where(one == two, one, -1).astype(np.int64)
