"""Leaving out rows that no output reads.

A vision transformer's embedding is made of its first position alone. What the last block computes
for the other 49 (B/32), beside their keys and values, is thrown away: a twentieth of the tower.
"""

from functools import cache
from typing import Final

import numpy as np
import onnx
from onnx import NodeProto

from imgvec_models.graphs.edit import Graph

ATTENTION: Final = "MultiHeadAttention"
"""A row of its output comes of the same row of its first input, and of all rows of the others."""
POSITIONS: Final = 1
"""The axis of `[n, positions, width]` that is cut."""


def trim(model: onnx.ModelProto) -> onnx.ModelProto:
    """Compute only the first position where only that is read; values stay the same.

    A graph that picks no first position, such as a convolutional tower, stays as it is.
    """
    graph = Graph(model)

    @cache
    def first_only(tensor: str) -> bool:
        """Whether nothing reads another position of a tensor."""
        readers = graph.consumers(tensor)
        return (
            tensor not in graph.outputs
            and bool(readers)
            and all(reads_first(node, tensor) for node in readers)
        )

    def reads_first(node: NodeProto, tensor: str) -> bool:
        if _picks_first(graph, node):
            return True
        return tensor in _row_inputs(graph, node) and first_only(node.output[0])

    def made_of_rows(tensor: str) -> bool:
        """Whether the cut is made before the node that makes a tensor."""
        maker = graph.producer(tensor)
        return maker is not None and bool(_row_inputs(graph, maker))

    cuts: dict[str, str] = {}
    for node in graph.nodes:
        if not first_only(node.output[0]):
            continue
        for tensor in _row_inputs(graph, node):
            if not (first_only(tensor) and made_of_rows(tensor)):
                cut = cuts.setdefault(tensor, graph.name(tensor + "_first"))
                node.input[list(node.input).index(tensor)] = cut
    for tensor, cut in cuts.items():
        maker = graph.producer(tensor)
        if maker is not None:
            graph.replace([maker], [maker, _slice(graph, tensor, cut)])
    return graph.finish()


def _row_inputs(graph: Graph, node: NodeProto) -> list[str]:
    """The inputs of which each row makes the same row of the output; none where that fails."""
    computed = [name for name in node.input if name and graph.shape(name) is None]
    if node.op_type == ATTENTION and any(
        a.name == "unidirectional" and a.i for a in node.attribute
    ):
        # The mask is that of all positions.
        return []
    if node.op_type == ATTENTION:
        first, others = computed[0], computed[1:]
        return [] if first in others else [first]
    spread = any(len(graph.shape(name) or ()) > 1 for name in node.input)
    match node.op_type:
        case "Add":
            # A constant with positions of its own would have to be cut too.
            return [] if spread else computed
        case "MatMul" | "MatMulIntegerToFloat":
            return computed if computed == [node.input[0]] else []
        case "LayerNormalization" | "QuantizeLinear" | "QuickGelu" | "Gelu" | "FastGelu":
            return [] if spread else computed[:1]
    return []


def _picks_first(graph: Graph, node: NodeProto) -> bool:
    if node.op_type != "Gather":
        return False
    index = graph.constant(node.input[1])
    axis = next((a.i for a in node.attribute if a.name == "axis"), 0)
    return axis == POSITIONS and index is not None and index.ndim == 0 and int(index) == 0


def _slice(graph: Graph, tensor: str, cut: str) -> NodeProto:
    begin, end, axis = (
        graph.add_constant(f"{cut}_{what}", np.array([value], np.int64))
        for what, value in (("begin", 0), ("end", 1), ("axis", POSITIONS))
    )
    return graph.node("Slice", [tensor, begin, end, axis], [cut])
