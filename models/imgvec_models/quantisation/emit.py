"""Integer nodes in the place of float32 ones."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from imgvec_models.graphs.edit import MICROSOFT, Graph
from imgvec_models.quantisation.fit import Fitted
from imgvec_models.quantisation.layers import Layer
from imgvec_models.quantisation.ranges import Affine

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Quantised:
    """A tensor as integers: the names of its values, scale and zero point."""

    values: str
    scale: str
    zero: str


@dataclass(slots=True)
class Emitter:
    """Writes integer nodes into a graph, and remembers which tensors are integers already."""

    graph: Graph
    known: dict[str, Quantised] = field(default_factory=dict)

    def matrix(
        self, layer: Layer, fitted: Fitted, bias: Floats | None, of_x: Affine | None
    ) -> None:
        """Integers times integers, and back to float32 with the bias: one node."""
        before = self._quantise(layer.x, of_x)
        x = self.known[layer.x]
        inputs = [
            x.values,
            self._weights(layer.weight_name, fitted.integers.T),
            x.scale,
            self.graph.add_constant("weight_scale", fitted.scales),
            x.zero,
            self._weight_zeros(len(fitted.scales)),
        ]
        if bias is not None:
            inputs.append(self.graph.add_constant("bias", bias.astype(np.float32)))
        node = self.graph.node("MatMulIntegerToFloat", inputs, [layer.y], MICROSOFT)
        self.graph.replace(layer.core, [*before, node])

    def convolution(
        self, layer: Layer, fitted: Fitted, bias: Floats, of_x: Affine, of_y: Affine
    ) -> None:
        """Integers in and out; the range of the output performs the activation."""
        before = self._quantise(layer.x, of_x)
        x, y = self.known[layer.x], self._declare(layer.output, of_y)
        steps = fitted.scales.astype(np.float64) * of_x.scale
        inputs = [
            x.values,
            x.scale,
            x.zero,
            self._weights(layer.weight_name, fitted.integers.reshape(-1, *layer.shape)),
            self.graph.add_constant("weight_scale", fitted.scales),
            self._weight_zeros(len(fitted.scales)),
            y.scale,
            y.zero,
            self.graph.add_constant("bias", np.rint(bias / steps).astype(np.int32)),
        ]
        node = self.graph.node("QLinearConv", inputs, [y.values])
        node.attribute.extend(layer.node.attribute)
        gone = [*layer.core] if layer.activation is None else [*layer.core, layer.activation]
        self.graph.replace(gone, [*before, node, self._back(layer.output)])

    def addition(self, node: NodeProto, activation: NodeProto | None, of_y: Affine) -> None:
        """The sum of two tensors that are integers already; the range performs an activation."""
        left, right = (self.known[name] for name in node.input)
        last = activation or node
        y = self._declare(last.output[0], of_y)
        inputs = [
            *(left.values, left.scale, left.zero),
            *(right.values, right.scale, right.zero),
            *(y.scale, y.zero),
        ]
        made = self.graph.node("QLinearAdd", inputs, [y.values], MICROSOFT)
        gone = [node] if activation is None else [node, activation]
        self.graph.replace(gone, [made, self._back(last.output[0])])

    def _weights(self, name: str, integers: NDArray[np.int64]) -> str:
        return self.graph.add_constant(name, np.ascontiguousarray(integers).astype(np.int8))

    def _weight_zeros(self, outputs: int) -> str:
        return self.graph.add_constant("weight_zero", np.zeros(outputs, np.int8))

    def _quantise(self, x: str, of_x: Affine | None) -> list[NodeProto]:
        """The node that makes integers of a tensor, unless it has them; None: by its own range."""
        if x in self.known:
            return []
        if of_x is not None:
            made = self._declare(x, of_x)
            return [self.graph.node("QuantizeLinear", [x, made.scale, made.zero], [made.values])]
        names = [self.graph.name(f"{x}_{part}") for part in ("integers", "scale", "zero")]
        self.known[x] = Quantised(*names)
        return [self.graph.node("DynamicQuantizeLinear", [x], names)]

    def _declare(self, x: str, of_x: Affine) -> Quantised:
        made = Quantised(
            self.graph.name(f"{x}_integers"),
            self.graph.add_constant("scale", np.float32(of_x.scale)),
            self.graph.add_constant("zero", np.uint8(of_x.zero)),
        )
        self.known[x] = made
        return made

    def _back(self, x: str) -> NodeProto:
        """Float32 again, for what takes no integers; dropped where nothing does."""
        made = self.known[x]
        return self.graph.node("DequantizeLinear", [made.values, made.scale, made.zero], [x])
