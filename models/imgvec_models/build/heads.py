"""The matrices at the end of a tower that stay in float32."""

from typing import Final

import onnx

from imgvec_models.graphs.edit import Graph

LAST: Final = frozenset({"Add", "Flatten", "Gather", "Gemm", "Identity", "MatMul", "Reshape"})
"""Operators between the last matrix and the joint embedding."""


def heads_of(model: onnx.ModelProto) -> set[str]:
    """Tensors behind the last norm: matrices that are small beside the blocks, and whose errors
    would be errors of the vector."""
    graph = Graph(model)
    made = {"pooled"}
    for node in graph.nodes:
        if node.op_type == "Identity" and "pooled" in node.output:
            made.add(node.input[0])
    for node in graph.nodes:
        if made.intersection(node.input):
            made.update(node.output)
    return made | _last_projection(graph)


def _last_projection(graph: Graph) -> set[str]:
    """The output of the matrix that makes the joint embedding, its bias added or not."""
    tensor, found = "joint", set[str]()
    while (node := graph.producer(tensor)) is not None and node.op_type in LAST:
        found.add(tensor)
        if node.op_type in ("Gemm", "MatMul"):
            return found if graph.shape(node.input[1]) is not None else set()
        if node.op_type == "Add" and all(graph.shape(name) is None for name in node.input):
            return set()
        tensor = next(name for name in node.input if graph.shape(name) is None)
    return set()
