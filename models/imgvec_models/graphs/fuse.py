"""Making a float32 graph fast without binding it to one CPU."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto

from imgvec.errors import ModelError
from imgvec_models.graphs.attention import fuse_attention
from imgvec_models.graphs.edit import Graph
from imgvec_models.graphs.fold import fold_shapes
from imgvec_models.graphs.gelu import fuse_tanh_gelu
from imgvec_models.graphs.rows import straighten
from imgvec_models.graphs.run import Feed, cosines, session

SAME = 0.99999
"""Least cosine of an output before and after fusion; the arithmetic differs in its order only."""


def fuse(model: onnx.ModelProto, probe: Feed) -> onnx.ModelProto:
    """Fuse norms and activations by ONNX Runtime's offline optimiser, and attention by ours.

    `probe` is one input; every output is compared before and after on it, and on two at once if
    the graph takes them.

    Raises:
        ModelError: an output changed, or ONNX Runtime cannot run the graph.
    """
    names = [output.name for output in model.graph.output]
    feed = probe if takes_one(model) else _doubled(probe)
    with TemporaryDirectory() as folder:
        optimised = Path(folder, "optimised.onnx")
        before = session(model, optimise=False).run(names, dict(feed))
        if feed is not probe and varies_by_batch_alone(model):
            model = fold_shapes(model, probe, feed)
        session(fuse_tanh_gelu(unfold_patches(model)), save_to=optimised)
        fused = straighten(fuse_attention(onnx.load(optimised), probe), probe)
    after = session(fused).run(names, dict(feed))
    for name, one, other in zip(names, before, after, strict=True):
        if cosines(one, other).min() < SAME:
            raise ModelError(f"fusing attention changed {name}: this tower's export is not known")
    return fused


def takes_one(model: onnx.ModelProto) -> bool:
    """Whether a graph takes a batch of one and no other."""
    return any(
        len(shape.dim) > 0 and shape.dim[0].dim_value == 1
        for shape in (tensor.type.tensor_type.shape for tensor in model.graph.input)
    )


def varies_by_batch_alone(model: onnx.ModelProto) -> bool:
    """Whether every length of the inputs is fixed, but that of a batch."""
    shapes = [tensor.type.tensor_type.shape.dim for tensor in model.graph.input]
    return all(dim.dim_value for shape in shapes for dim in shape[1:])


def _doubled(probe: Feed) -> dict[str, NDArray[np.generic]]:
    """The probe and another input beside it: its rows in the other order."""
    return {name: np.concatenate([one, one[..., ::-1]]) for name, one in probe.items()}


def unfold_patches(model: onnx.ModelProto) -> onnx.ModelProto:
    """Replace convolutions whose stride is their kernel by a reshape and a MatMul.

    [n, c, rows * p, columns * p] becomes [n, rows, columns, c * p * p], in the order of the
    kernel's weights; the image's size must be fixed.
    """
    graph = Graph(model)
    for node in list(graph.nodes):
        size = _image_size(model, node)
        if node.op_type == "Conv" and size is not None and _is_patchwise(node):
            _unfold(graph, node, size)
    return graph.finish()


def _unfold(graph: Graph, node: NodeProto, size: tuple[int, int]) -> None:
    kernel = graph.constant(node.input[1])
    if kernel is None:
        return
    outputs, channels, height, width = kernel.shape
    rows, columns = size[0] // height, size[1] // width

    def shape(*lengths: int) -> str:
        return graph.add_constant("shape", np.array(lengths, np.int64))

    y = node.output[0]
    split, turned, flat, product, biased = (graph.name(f"{y}_patches") for _ in range(5))
    nodes = [
        graph.node(
            "Reshape", [node.input[0], shape(0, channels, rows, height, columns, width)], [split]
        ),
        graph.node("Transpose", [split], [turned], perm=[0, 2, 4, 1, 3, 5]),
        graph.node(
            "Reshape", [turned, shape(0, rows * columns, channels * height * width)], [flat]
        ),
        graph.node(
            "MatMul",
            [flat, graph.add_constant(node.input[1], kernel.reshape(outputs, -1).T.copy())],
            [product],
        ),
    ]
    if len(node.input) > 2:
        nodes.append(graph.node("Add", [product, node.input[2]], [biased]))
    last = nodes[-1].output[0]
    planes = graph.name(f"{y}_planes")
    nodes.append(graph.node("Transpose", [last], [planes], perm=[0, 2, 1]))
    nodes.append(graph.node("Reshape", [planes, shape(0, outputs, rows, columns)], [y]))
    graph.replace([node], nodes)


def _image_size(model: onnx.ModelProto, node: NodeProto) -> tuple[int, int] | None:
    """Height and width of the graph's input that a node takes; None for an inner tensor."""
    for tensor in model.graph.input:
        lengths = [dim.dim_value for dim in tensor.type.tensor_type.shape.dim]
        if tensor.name == node.input[0] and len(lengths) == 4 and all(lengths[2:]):
            return lengths[2], lengths[3]
    return None


def _is_patchwise(node: NodeProto) -> bool:
    lists = {a.name: list(a.ints) for a in node.attribute}
    grouped = any(a.name == "group" and a.i > 1 for a in node.attribute)
    return (
        lists.get("strides") == lists.get("kernel_shape")
        and not any(lists.get("pads", []))
        and set(lists.get("dilations", [1])) == {1}
        and not grouped
    )
