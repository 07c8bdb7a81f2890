"""Attention as one node: ONNX Runtime's MultiHeadAttention in the place of a dozen."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import NodeProto

from imgvec_models.graphs.edit import MICROSOFT, Graph
from imgvec_models.graphs.run import Array, Feed, values

MOVES = frozenset({"Reshape", "Transpose", "Squeeze", "Unsqueeze"})
"""Operators that only move values: splitting heads apart, and putting them together."""
UNSEEN = -1e4
"""A score with at most this added has no share: e**-10000 is 0."""


@dataclass(frozen=True, slots=True)
class Site:
    """One attention as exported: softmax(scale q k^T + mask) v."""

    scores: str
    """Input of the softmax, `[n, heads, t, t]` or `[n * heads, t, t]`."""
    query: str
    key: str
    value: str
    """Tensors `[n, t, width]`, before the heads are split."""
    merged: str
    """The result `[n, t, width]`, heads put together."""
    scale: float
    mask: str | None


def fuse_attention(model: onnx.ModelProto, probe: Feed) -> onnx.ModelProto:
    """Fuse every attention over `[n, t, width]` that is plain or causal; others stay as they are.

    `probe` is one input, of an image or an unpadded text, from which head counts and masks are
    read: they are what the graph does, however its exporter wrote it.
    """
    graph = Graph(model)
    sites = [site for node in graph.nodes if (site := _match(graph, node)) is not None]
    tensors = {name for site in sites for name in (site.scores, site.query, site.mask) if name}
    seen = dict(zip(tensors, values(model, list(tensors), probe), strict=True))
    for site in sites:
        _fuse(graph, site, seen)
    return graph.finish()


def _fuse(graph: Graph, site: Site, seen: Mapping[str, Array]) -> None:
    length = seen[site.scores].shape[-1]
    if seen[site.query].shape[:-1] != (1, length):
        # In PyTorch's own module positions come first, and all three lie in one tensor.
        return
    causal = site.mask is not None
    if site.mask is not None and not _is_causal(seen[site.mask]):
        return
    last = graph.producer(site.merged)
    if last is None:
        return
    node = graph.node(
        "MultiHeadAttention",
        [site.query, site.key, site.value],
        [site.merged],
        MICROSOFT,
        num_heads=seen[site.scores].size // length**2,
        scale=site.scale,
        unidirectional=int(causal),
    )
    graph.replace([last], [node])


def _is_causal(mask: Array) -> bool:
    """Whether a mask hides what comes later, and nothing else."""
    length = mask.shape[-1]
    allowed = np.tri(length, dtype=bool)
    square = np.broadcast_to(mask, (*mask.shape[:-2], length, length))
    return bool((square[..., allowed] == 0).all() and (square[..., ~allowed] <= UNSEEN).all())


def _match(graph: Graph, softmax: NodeProto) -> Site | None:
    if softmax.op_type != "Softmax":
        return None
    tensor, scale, mask = softmax.input[0], 1.0, None
    while (node := graph.producer(tensor)) is not None and "MatMul" not in node.op_type:
        if node.op_type == "Add" and mask is None:
            tensor, mask = _scores_first(graph, node)
        else:
            step = _step(graph, node)
            if step is None:
                return None
            tensor, scale = step[0], scale * step[1]
    after = _only(graph, _down(graph, softmax.output[0]))
    if node is None or after is None or "MatMul" not in after.op_type:
        return None
    query, query_scale = _up(graph, node.input[0])
    key, key_scale = _up(graph, node.input[1])
    value, value_scale = _up(graph, after.input[1])
    if value_scale != 1:
        return None
    alpha = next((a.f for a in node.attribute if a.name == "alpha"), 1.0)
    return Site(
        softmax.input[0],
        query,
        key,
        value,
        _down(graph, after.output[0]),
        scale * query_scale * key_scale * alpha,
        mask,
    )


def _scores_first(graph: Graph, add: NodeProto) -> tuple[str, str]:
    """An addition's inputs: the one that comes of a MatMul, then the mask."""
    for scores, mask in (tuple(add.input), tuple(add.input)[::-1]):
        tensor = scores
        while (node := graph.producer(tensor)) is not None:
            if "MatMul" in node.op_type:
                return scores, mask
            step = _step(graph, node)
            if step is None:
                break
            tensor = step[0]
    return add.input[0], add.input[1]


def _step(graph: Graph, node: NodeProto) -> tuple[str, float] | None:
    """The tensor that a node moves or scales, and by how much; None for any other node."""
    if node.op_type in MOVES:
        return node.input[0], 1.0
    if node.op_type in ("Mul", "Div"):
        for tensor, other in (tuple(node.input), tuple(node.input)[::-1]):
            factor = graph.constant(other)
            if factor is not None and factor.size == 1:
                number = float(factor.item())
                if node.op_type == "Mul":
                    return tensor, number
                if other == node.input[1]:
                    return tensor, 1 / number
    return None


def _up(graph: Graph, tensor: str) -> tuple[str, float]:
    scale = 1.0
    while (node := graph.producer(tensor)) is not None:
        step = _step(graph, node)
        if step is None:
            break
        tensor, scale = step[0], scale * step[1]
    return tensor, scale


def _only(graph: Graph, tensor: str) -> NodeProto | None:
    consumers = graph.consumers(tensor)
    return consumers[0] if len(consumers) == 1 else None


def _down(graph: Graph, tensor: str) -> str:
    while (node := _only(graph, tensor)) is not None and node.op_type in MOVES:
        tensor = node.output[0]
    return tensor
