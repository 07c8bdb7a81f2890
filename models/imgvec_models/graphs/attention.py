"""Attention as one node: ONNX Runtime's MultiHeadAttention in the place of a dozen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import onnx
from onnx import NodeProto

from imgvec_models.graphs.edit import MICROSOFT, Graph
from imgvec_models.graphs.moves import Path, Shapes, down, follow, in_order, only, through, up
from imgvec_models.graphs.run import Array, Feed, shapes_of, values

UNSEEN: Final = -1e4
"""A score with at most this added has no share: e**-10000 is 0."""
POSITIONS_FIRST: Final = [1, 0, 2]
"""`[n, t, width]` to `[t, n, width]`, and back."""


@dataclass(frozen=True, slots=True)
class Site:
    """One attention as exported: softmax(scale q k^T + mask) v."""

    scores: str
    """Input of the softmax, `[n, heads, t, t]` or `[n * heads, t, t]`."""
    query: Path
    key: Path
    """Transposed at its end, `[..., d, t]`."""
    value: Path
    merged: Path
    """From the shares' product with the values to the result, heads put together."""
    scale: float
    mask: str | None

    @property
    def tensors(self) -> list[str]:
        """Tensors whose shapes say what the attention does."""
        paths = (self.query, self.key, self.value, self.merged)
        return [self.scores, *(name for path in paths for name in path.tensors)]


def fuse_attention(model: onnx.ModelProto, probe: Feed) -> onnx.ModelProto:
    """Fuse every self-attention that is plain or causal; others stay as they are.

    `probe` is one input, of an image or an unpadded text, from which head counts and masks are
    read: they are what the graph does, however its exporter wrote it.
    """
    graph = Graph(model)
    sites = [site for node in graph.nodes if (site := _match(graph, node)) is not None]
    masks = list({site.mask for site in sites if site.mask})
    seen = dict(zip(masks, values(model, masks, probe), strict=True)) if masks else {}
    shapes = shapes_of(model, {name for site in sites for name in site.tensors}, probe)
    for site in sites:
        if site.mask is None or _is_causal(seen[site.mask]):
            _fuse(graph, site, shapes)
    return graph.finish()


def _fuse(graph: Graph, site: Site, shapes: Shapes) -> None:
    length = shapes[site.scores][-1]
    heads = int(np.prod(shapes[site.scores])) // length**2
    if not site.merged.steps or not _merges(graph, site.merged, shapes, heads, length):
        return
    nodes: list[NodeProto] = []
    parts: dict[str, Sequence[str]] = {}
    inputs = []
    for path in (site.query, site.key, site.value):
        found = _find_part(graph, path, shapes, heads, length, turned=path is site.key)
        if found is None:
            return
        place, count = found
        if path.start not in parts:
            parts[path.start] = _split(graph, path.start, shapes[path.start], count, nodes)
        inputs.append(parts[path.start][place])
    end = site.merged.end
    merged = end if shapes[end][:-1] == (1, length) else graph.name(f"{end}_merged")
    said = {"num_heads": heads, "scale": site.scale, "unidirectional": int(bool(site.mask))}
    nodes.append(graph.node("MultiHeadAttention", inputs, [merged], MICROSOFT, **said))
    if merged != end:
        turned = end if len(shapes[end]) > 2 else graph.name(f"{end}_turned")
        nodes.append(graph.node("Transpose", [merged], [turned], perm=POSITIONS_FIRST))
        if turned != end:
            flat = graph.add_constant("flat", np.array([-1, shapes[end][-1]], np.int64))
            nodes.append(graph.node("Reshape", [turned, flat], [end]))
    graph.replace([site.merged.steps[-1][0]], nodes)


def _merges(graph: Graph, path: Path, shapes: Shapes, heads: int, length: int) -> bool:
    """Whether a path puts `[..., heads, t, d]` together, to `t` rows of `heads * d` values."""
    end = shapes[path.end]
    width = int(np.prod(end)) // length
    if end not in ((1, length, width), (length, 1, width), (length, width)):
        return False
    merged = in_order(heads, length, width // heads).transpose(1, 0, 2)
    return np.array_equal(follow(graph, path, shapes).ravel(), merged.ravel())


def _find_part(
    graph: Graph, path: Path, shapes: Shapes, heads: int, length: int, turned: bool
) -> tuple[int, int] | None:
    """Which of how many equal parts of each row of the path's start its end is; None for else."""
    rows, width = shapes[path.start][:-1], shapes[path.start][-1]
    places = follow(graph, path, shapes)
    places = places.swapaxes(-1, -2) if turned else places
    if (
        rows not in ((1, length), (length, 1), (length,))
        or places.size % (heads * length)
        or places.shape[-2] != length
        or (path.scale != 1 and path.start == path.end)
    ):
        return None
    each = places.size // (heads * length)
    count = width // (heads * each)
    if count * heads * each != width:
        return None
    parts = in_order(length, count, heads, each).transpose(1, 2, 0, 3)
    found = places.reshape(heads, length, each)
    return next(((one, count) for one in range(count) if np.array_equal(parts[one], found)), None)


def _split(
    graph: Graph, source: str, shape: tuple[int, ...], count: int, nodes: list[NodeProto]
) -> Sequence[str]:
    """The parts `[n, t, width]` of a tensor, which may have positions first."""
    rows = source
    if len(shape) == 2:
        rows, first = graph.name(f"{source}_rows"), graph.add_constant("first", np.array([0]))
        nodes.append(graph.node("Unsqueeze", [source, first], [rows]))
    elif shape[0] != 1:
        rows = graph.name(f"{source}_rows")
        nodes.append(graph.node("Transpose", [source], [rows], perm=POSITIONS_FIRST))
    if count == 1:
        return [rows]
    parts = [graph.name(f"{source}_part") for _ in range(count)]
    nodes.append(graph.node("Split", [rows], parts, axis=2))
    return parts


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
            step = through(graph, node)
            if step is None:
                return None
            tensor, scale = step[0], scale * step[1]
    after = only(graph, down(graph, softmax.output[0]).end)
    if node is None or after is None or "MatMul" not in after.op_type:
        return None
    query, key = (up(graph, name, picks=True) for name in node.input[:2])
    value = up(graph, after.input[1], picks=True)
    ends = (query.start, key.start, value.start)
    if value.scale != 1 or any(graph.shape(name) is not None for name in ends):
        return None
    alpha = next((a.f for a in node.attribute if a.name == "alpha"), 1.0)
    scale *= query.scale * key.scale * alpha
    merged = down(graph, after.output[0])
    return Site(softmax.input[0], query, key, value, merged, scale, mask)


def _scores_first(graph: Graph, add: NodeProto) -> tuple[str, str]:
    """An addition's inputs: the one that comes of a MatMul, then the mask."""
    for scores, mask in (tuple(add.input), tuple(add.input)[::-1]):
        maker = graph.producer(up(graph, scores, picks=True).start)
        if maker is not None and "MatMul" in maker.op_type:
            return scores, mask
    return add.input[0], add.input[1]
