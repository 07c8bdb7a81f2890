"""The image tower as an fp32 ONNX graph: EfficientNet-Lite2 and the image head.

Batch norms are folded into the convolutions, "same" padding is static for 260 pixels, and the
network's shape is read from its weights and the one table below (Tan and Le 2019, and the Lite
variants' published code).
"""

import math
from collections.abc import Mapping

import numpy as np
import onnx
import torch
from torch import Tensor

from training.export_head import add_head, add_layout
from training.graph import Graph
from training.heads import Heads
from training.layout import WIDTH, Layout

SIZE = 260
EPSILON = 1e-3
"""Of the batch norms."""
STAGES = ((1, 1), (3, 2), (3, 2), (4, 2), (4, 1), (5, 2), (1, 1))
"""Blocks of each stage, and the stride of its first; Lite2 has EfficientNet's depths times 1.2."""


def image_graph(weights: Mapping[str, Tensor], heads: Heads, layout: Layout) -> onnx.ModelProto:
    """`pixel_values` float32 [n, 3, 260, 260] -> `embedding` float32 [n, 1024] of norm 1."""
    graph = Graph()
    graph.weight("zero", np.array(0.0))
    graph.weight("six", np.array(6.0))
    tower = _Tower(graph, weights)
    x = tower.convolution("pixel_values", "_conv_stem", "_bn0", 2, "stem", bounded=True)
    strides = [stride if index == 0 else 1 for blocks, stride in STAGES for index in range(blocks)]
    for index, stride in enumerate(strides):
        x = tower.block(x, index, stride)
    x = tower.convolution(x, "_conv_head", "_bn1", 1, "headconv", bounded=True)
    pooled = graph.add("ReduceMean", [x], "pooled", axes=[2, 3], keepdims=0)
    mean = graph.weight("mean", heads.standard.mean.numpy())
    inverse = graph.weight("inverse", (1 / heads.standard.std).numpy())
    z = graph.add("Mul", [graph.add("Sub", [pooled, mean], "centred"), inverse], "z")
    add_layout(graph, add_head(graph, z, heads.image), layout, images=True)
    shape = ("batch", 3, SIZE, SIZE)
    return graph.model("starter-image", {"pixel_values": (onnx.TensorProto.FLOAT, shape)}, WIDTH)


class _Tower:
    """Adds the network's layers, and keeps the side of the feature map in pixels."""

    def __init__(self, graph: Graph, weights: Mapping[str, Tensor]) -> None:
        self._graph, self._weights, self._side = graph, weights, SIZE

    def block(self, x: str, index: int, stride: int) -> str:
        """An inverted residual: expand, filter each channel, project; the input added if alike."""
        name, source = f"b{index}", f"_blocks.{index}"
        y = x
        if f"{source}._expand_conv.weight" in self._weights:
            y = self.convolution(
                y, f"{source}._expand_conv", f"{source}._bn0", 1, f"{name}.expand", bounded=True
            )
        y = self.convolution(
            y, f"{source}._depthwise_conv", f"{source}._bn1", stride, f"{name}.dw", bounded=True
        )
        y = self.convolution(
            y, f"{source}._project_conv", f"{source}._bn2", 1, f"{name}.project", bounded=False
        )
        channels = len(self._weights[f"{source}._project_conv.weight"])
        inner = self._weights.get(f"{source}._expand_conv.weight")
        before = self._weights[f"{source}._depthwise_conv.weight"] if inner is None else inner
        entering = before.shape[0] if inner is None else before.shape[1]
        return (
            self._graph.add("Add", [y, x], f"{name}.add")
            if (stride == 1 and channels == entering)
            else y
        )

    def convolution(
        self, x: str, source: str, norm: str, stride: int, name: str, bounded: bool
    ) -> str:
        """A convolution with its batch norm, and ReLU6 if `bounded`."""
        weight, bias = self._folded(source, norm)
        kernel = weight.shape[2]
        groups = weight.shape[0] if weight.shape[1] == 1 and kernel > 1 else 1
        out = math.ceil(self._side / stride)
        padding = max((out - 1) * stride + kernel - self._side, 0)
        self._side = out
        before = padding // 2
        result = self._graph.add(
            "Conv",
            [
                x,
                self._graph.weight(f"{name}.weight", weight.numpy()),
                self._graph.weight(f"{name}.bias", bias.numpy()),
            ],
            f"{name}.out",
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            group=groups,
            pads=[before, before, padding - before, padding - before],
        )
        return (
            self._graph.add("Clip", [result, "zero", "six"], f"{name}.relu6") if bounded else result
        )

    def _folded(self, source: str, norm: str) -> tuple[Tensor, Tensor]:
        """Weight and bias of a convolution and the batch norm behind it, float64."""
        read = {
            key: self._weights[f"{norm}.{key}"].double()
            for key in ("weight", "bias", "running_mean", "running_var")
        }
        gain = read["weight"] / torch.sqrt(read["running_var"] + EPSILON)
        weight = self._weights[f"{source}.weight"].double() * gain[:, None, None, None]
        return weight, read["bias"] - read["running_mean"] * gain
