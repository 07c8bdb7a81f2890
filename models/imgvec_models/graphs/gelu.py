"""GELU by its tanh formula as one node; ONNX Runtime's optimiser knows two of its spellings."""

from typing import Final

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from imgvec_models.graphs.edit import MICROSOFT, OPSET, Graph
from imgvec_models.graphs.moves import only
from imgvec_models.graphs.run import session

GRID: Final = np.linspace(-12, 12, 4801, dtype=np.float32)
NEAR: Final = 1e-5
"""Largest difference on the grid; the spellings round differently."""
MOST: Final = 12
"""Nodes of a spelling."""


def fuse_tanh_gelu(model: onnx.ModelProto) -> onnx.ModelProto:
    """Make one FastGelu of every part of a graph that computes just that."""
    graph = Graph(model)
    for tanh in [node for node in graph.nodes if node.op_type == "Tanh"]:
        end, others = _end(graph, tanh)
        for x in others:
            nodes = _between(graph, x, end.output[0])
            if nodes is not None and _is_gelu(graph, nodes, x, end.output[0]):
                gelu = graph.node("FastGelu", [x], [end.output[0]], MICROSOFT)
                graph.replace([end], [gelu])
                break
    return graph.finish()


def _end(graph: Graph, tanh: NodeProto) -> tuple[NodeProto, list[str]]:
    """The last addition or product behind a tanh, and what else goes into those."""
    end, others = tanh, list[str]()
    while (after := only(graph, end.output[0])) is not None and after.op_type in ("Add", "Mul"):
        beside = [name for name in after.input if name != end.output[0]]
        if after.op_type == "Add" and any(graph.shape(name) is None for name in beside):
            break
        others += [name for name in beside if graph.shape(name) is None]
        end = after
    makers = [maker for name in others if (maker := graph.producer(name)) is not None]
    halved = [name for maker in makers if maker.op_type == "Mul" for name in maker.input]
    return end, [*others, *(name for name in halved if graph.shape(name) is None)]


def _between(graph: Graph, x: str, y: str) -> list[NodeProto] | None:
    """The nodes that make `y` of `x` and constants; None if there are others."""
    found: dict[str, NodeProto] = {}
    wanted = [y]
    while wanted:
        name = wanted.pop()
        node = graph.producer(name)
        if node is None or len(found) > MOST:
            return None
        if node.output[0] not in found:
            found[node.output[0]] = node
            wanted += [one for one in node.input if one != x and graph.shape(one) is None]
    return [node for node in graph.nodes if node.output[0] in found]


def _is_gelu(graph: Graph, nodes: list[NodeProto], x: str, y: str) -> bool:
    constants = {name for node in nodes for name in node.input if graph.shape(name) is not None}
    if any(np.prod(graph.shape(name) or ()) != 1 for name in constants):
        return False
    small = helper.make_graph(
        nodes,
        "gelu",
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, GRID.shape)],
        [onnx.ValueInfoProto(name=y)],
        [numpy_helper.from_array(np.asarray(graph.constant(name)), name) for name in constants],
    )
    imports = [helper.make_opsetid("", OPSET)]
    whole = helper.make_model(small, opset_imports=imports, ir_version=8)
    (found,) = session(whole, optimise=False).run([y], {x: GRID})
    exact = GRID * (0.5 + 0.5 * np.tanh((2 / np.pi) ** 0.5 * (GRID + 0.044715 * GRID**3)))
    return bool(np.abs(found - exact).max() < NEAR)
