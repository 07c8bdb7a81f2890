"""EfficientNet-Lite2 (Tan and Le 2019; Lite by Liu 2020) and the image head, in float32."""

import math
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from imgvec_models.graphs.protos import OPSET
from imgvec_models.shapes.nodes import Nodes
from imgvec_models.starter.head import Heads, add_head
from imgvec_models.starter.wheels import Arrays

SIZE = 260
"""Height and width of the input in pixels."""
STAGES = ((1, 1), (3, 2), (3, 2), (4, 2), (4, 1), (5, 2), (1, 1))
"""Blocks of each stage, and the stride of its first."""
EPSILON = 1e-3
"""Of the batch norms."""


def image_graph(weights: Arrays, heads: Heads, offset: float | None = None) -> onnx.ModelProto:
    """`pixel_values` float32 [n, 3, 260, 260] -> `embedding` float32 [n, 1024], of norm 1.

    `pooled` [n, 1280], the tower's own features, is an output too. `offset` is that of the heads'
    layout in blocks; None for heads without one. Padding is static, batch norms are folded.
    """
    nodes = Nodes(OPSET)
    x = _tower(nodes, weights)
    pooled = nodes.op("ReduceMean", [x], "pooled", axes=[2, 3], keepdims=0)
    pooled = nodes.rename_last("pooled")
    centred = nodes.op("Sub", [pooled, nodes.weight("mean", heads.mean)], "centred")
    inverse = nodes.weight("inverse_std", (1 / heads.std).astype(np.float32))
    standard = nodes.op("Mul", [centred, inverse], "standard")
    add_head(nodes, heads.image, standard, offset, raised=True)
    return nodes.model(
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["n", 3, SIZE, SIZE])],
        [
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 1024]),
            helper.make_tensor_value_info("pooled", TensorProto.FLOAT, ["n", 1280]),
        ],
    )


@dataclass(frozen=True, slots=True)
class _Plane:
    """A tensor [n, channels, size, size]."""

    name: str
    size: int


def _tower(nodes: Nodes, weights: Arrays) -> str:
    limits = (nodes.constant(0.0), nodes.constant(6.0))
    x = _convolve(nodes, weights, _Plane("pixel_values", SIZE), "_conv_stem", "_bn0", 2, limits)
    block = 0
    for blocks, first in STAGES:
        for place in range(blocks):
            x = _block(nodes, weights, x, f"_blocks.{block}", 1 if place else first, limits)
            block += 1
    return _convolve(nodes, weights, x, "_conv_head", "_bn1", 1, limits).name


def _block(
    nodes: Nodes, weights: Arrays, x: _Plane, name: str, stride: int, limits: tuple[str, str]
) -> _Plane:
    """An inverted residual: expansion where there is one, depthwise, projection, skip."""
    y = x
    if f"{name}._expand_conv.weight" in weights:
        y = _convolve(nodes, weights, y, f"{name}._expand_conv", f"{name}._bn0", 1, limits)
    y = _convolve(nodes, weights, y, f"{name}._depthwise_conv", f"{name}._bn1", stride, limits)
    y = _convolve(nodes, weights, y, f"{name}._project_conv", f"{name}._bn2", 1, None)
    first = f"{name}._expand_conv.weight", f"{name}._depthwise_conv.weight"
    taken = weights[first[0]].shape[1] if first[0] in weights else weights[first[1]].shape[0]
    if stride == 1 and taken == weights[f"{name}._project_conv.weight"].shape[0]:
        return _Plane(nodes.op("Add", [y.name, x.name], f"{name}.add"), y.size)
    return y


def _convolve(
    nodes: Nodes,
    weights: Arrays,
    x: _Plane,
    name: str,
    norm: str,
    stride: int,
    limits: tuple[str, str] | None,
) -> _Plane:
    """A convolution with its batch norm folded in, "same" padding, and ReLU6 if `limits`."""
    kernel, bias = _folded(weights, name, norm)
    side = kernel.shape[2]
    size = math.ceil(x.size / stride)
    missing = max((size - 1) * stride + side - x.size, 0)
    before, after = missing // 2, missing - missing // 2
    y = nodes.op(
        "Conv",
        [x.name, nodes.weight(f"{name}.weight", kernel), nodes.weight(f"{name}.bias", bias)],
        name,
        kernel_shape=[side, side],
        strides=[stride, stride],
        pads=[before, before, after, after],
        group=kernel.shape[0] if name.endswith("_depthwise_conv") else 1,
    )
    return _Plane(y if limits is None else nodes.op("Clip", [y, *limits], f"{name}.relu6"), size)


def _folded(
    weights: Arrays, name: str, norm: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    kernel, gain, bias, mean, variance = (
        np.asarray(weights[key], np.float64)
        for key in (
            f"{name}.weight",
            f"{norm}.weight",
            f"{norm}.bias",
            f"{norm}.running_mean",
            f"{norm}.running_var",
        )
    )
    scale = gain / np.sqrt(variance + EPSILON)
    folded = kernel * scale[:, None, None, None]
    return folded.astype(np.float32), (bias - mean * scale).astype(np.float32)
