"""Quantising a tower of any kind: convolutional, vision transformer, text."""

from collections.abc import Collection, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto

from imgvec_models.graphs.edit import Graph
from imgvec_models.graphs.run import Feed
from imgvec_models.progress import Say, unsaid
from imgvec_models.quantisation.emit import Emitter
from imgvec_models.quantisation.fit import Fitted, Samples, fit
from imgvec_models.quantisation.layers import Layer, find_activation, find_layer, has_weights
from imgvec_models.quantisation.pairs import FULL, full_scales
from imgvec_models.quantisation.ranges import (
    Affine,
    affine,
    dynamic_fake,
    observed_range,
    static_range,
)
from imgvec_models.quantisation.scheme import Scheme
from imgvec_models.quantisation.walk import Walk

Floats = NDArray[np.float64]


def quantise(
    model: onnx.ModelProto,
    calibration: Sequence[Feed],
    scheme: Scheme,
    in_float: Collection[str] = (),
    say: Say = unsaid,
) -> onnx.ModelProto:
    """Turn the constant weights of `model` into integers, in place, and give it back.

    Matrices become MatMulIntegerToFloat; convolutions, with their Clip or Relu and with additions
    between them, become QLinearConv and QLinearAdd, and are always static; embedding tables become
    int8 rows. `in_float` names tensors whose layers stay float32. `calibration` are inputs of
    batch 1 that the tower will see the like of; they decide ranges, rounding and biases.
    `say` is told of each layer.
    """
    graph = Graph(model)
    quantise_tables(graph)
    work = _Work(graph, calibration, scheme)
    weighty = [node.output[0] for node in graph.nodes if has_weights(graph, node)]
    covered: set[str] = set()
    for node in list(graph.nodes):
        if node.output[0] in weighty:
            say(f"layer {weighty.index(node.output[0]) + 1} of {len(weighty)}")
        if node.output[0] in covered:
            continue
        layer = None if in_float and set(node.output) & set(in_float) else find_layer(graph, node)
        if layer is not None:
            work.layer(layer)
            covered |= {layer.y, layer.output}
        elif node.op_type == "Add" and set(node.input) <= set(work.emitter.known):
            covered.add(work.addition(node))
        else:
            work.walk.step(node)
    return graph.finish()


class _Work:
    """A graph under quantisation: what flows through it, and what becomes of it."""

    def __init__(self, graph: Graph, calibration: Sequence[Feed], scheme: Scheme) -> None:
        self._graph = graph
        self._scheme = scheme
        self._inputs = set(graph.inputs)
        self._ranges: dict[str, Affine] = {}
        self.walk = Walk(graph, calibration)
        self.emitter = Emitter(graph)

    def layer(self, layer: Layer) -> None:
        """Fit a layer, correct its bias, write it, and walk on behind it."""
        of_x = self._range_of_input(layer)
        x = self._rounded(layer.x, of_x)
        fitted = fit(layer, self._scheme, x, of_x.scale if of_x else 1.0)
        exact_y = self.walk.core(layer.core, {}, None)
        y, bias = self._corrected(layer, fitted, x, exact_y)
        if layer.activation is not None:
            after = [layer.activation]
            exact_y, y = (self.walk.core(after, {}, part) for part in (exact_y, y))
            self.walk.passed(after)
        self.walk.exact[layer.output], self.walk.rounded[layer.output] = exact_y, y
        self.walk.passed(layer.core)
        if of_x is not None and bias is not None and layer.is_convolution:
            of_y = self._round_output(layer.output)
            self.emitter.convolution(layer, fitted, bias, of_x, of_y)
        else:
            self.emitter.matrix(layer, fitted, bias, of_x)

    def addition(self, node: NodeProto) -> str:
        """Write the sum of two integer tensors, with its activation; gives the last tensor."""
        self.walk.step(node)
        activation = find_activation(self._graph, node.output[0])
        if activation is not None:
            self.walk.step(activation)
        y: str = (activation or node).output[0]
        self.emitter.addition(node, activation, self._round_output(y))
        return y

    def _round_output(self, tensor: str) -> Affine:
        """Make a tensor integers at once, as what comes of integers stays integers."""
        of_y = affine(*static_range(self.walk.exact[tensor]))
        self._ranges[tensor] = of_y
        self.walk.rounded[tensor] = self._rounded(tensor, of_y)
        return of_y

    def _range_of_input(self, layer: Layer) -> Affine | None:
        if self._scheme.activations == "dynamic" and not layer.is_convolution:
            return None
        if layer.x not in self._ranges:
            samples = self.walk.exact[layer.x]
            ends = observed_range(samples) if layer.x in self._inputs else static_range(samples)
            self._ranges[layer.x] = affine(*ends)
        return self._ranges[layer.x]

    def _rounded(self, tensor: str, of_it: Affine | None) -> Samples:
        fake = dynamic_fake if of_it is None else of_it.fake
        return [fake(sample) for sample in self.walk.rounded[tensor]]

    def _corrected(
        self, layer: Layer, fitted: Fitted, x: Samples, exact_y: Samples
    ) -> tuple[Samples, Floats | None]:
        """The layer's output from rounded inputs, its bias moved so that the mean is exact."""
        stored = layer.as_stored(fitted.weights.astype(np.float32))
        y = self.walk.core(layer.core, {layer.weight_name: stored}, x)
        if layer.bias is None:
            return y, None
        axis = 1 if layer.is_convolution else -1
        missing = _mean(exact_y, axis) - _mean(y, axis)
        shape = (-1, 1, 1) if layer.is_convolution else (-1,)
        moved = missing.astype(np.float32).reshape(shape)
        return [part + moved for part in y], layer.bias + missing


def _mean(samples: Samples, axis: int) -> Floats:
    """The mean of each channel over all samples and places."""
    rows = [np.moveaxis(one, axis, -1).reshape(-1, one.shape[axis]) for one in samples]
    total = np.sum([part.sum(axis=0, dtype=np.float64) for part in rows], axis=0)
    mean: Floats = total / sum(map(len, rows))
    return mean


ROWS = 4096
"""Rows of a table that are worked on at once, which bounds memory."""
LARGE = 1_000_000
"""Values from which on a table is worth it; tables of positions are far smaller."""


def quantise_tables(graph: Graph) -> None:
    """Store large tables that a Gather reads row by row as int8; rows are exact on every CPU.

    A table that holds integers is packed already, and stays as it is.
    """
    for node in list(graph.nodes):
        shape = graph.shape(node.input[0]) if node.op_type == "Gather" else None
        along_rows = not any(a.name == "axis" and a.i for a in node.attribute)
        if shape is None or len(shape) != 2 or shape[0] * shape[1] < LARGE or not along_rows:
            continue
        values = np.asarray(graph.constant(node.input[0]))
        if np.issubdtype(values.dtype, np.integer):
            continue
        integers, scales = _int8_rows(values)
        row, step, cast = (graph.name(f"{node.output[0]}_{part}") for part in ("row", "step", "f"))
        stored = graph.add_constant(node.input[0], integers)
        steps = graph.add_constant("steps", scales[:, None].astype(np.float32))
        graph.replace(
            [node],
            [
                graph.node("Gather", [stored, node.input[1]], [row]),
                graph.node("Cast", [row], [cast], to=TensorProto.FLOAT),
                graph.node("Gather", [steps, node.input[1]], [step]),
                graph.node("Mul", [cast, step], [node.output[0]]),
            ],
        )


def _int8_rows(table: NDArray[np.generic]) -> tuple[NDArray[np.int8], Floats]:
    """Each row in steps of its own scale."""
    integers, scales = np.empty(table.shape, np.int8), np.empty(len(table))
    for start in range(0, len(table), ROWS):
        part = slice(start, start + ROWS)
        rows = table[part].astype(np.float64)
        scales[part] = full_scales(rows)
        integers[part] = np.clip(np.rint(rows / scales[part, None]), -FULL, FULL)
    return integers, scales
