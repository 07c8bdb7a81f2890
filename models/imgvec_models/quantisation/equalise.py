"""Residual streams of convolutional towers, centred and rescaled channel by channel.

A sum over blocks is one tensor with one range, though its channels differ in mean and spread. The
convolutions that write to it and those that read from it can share out any shift and scale of a
channel between them, which changes no output and gives every channel more of the 255 steps.
(Nagel et al. 2019, Data-Free Quantization, do the same between pairs of layers.)
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto

from imgvec_models.graphs.edit import Graph
from imgvec_models.graphs.run import Feed, session

POWER = 0.5
"""How much of the channels' differences is taken out; the weights keep the rest."""
SMALLEST = 1e-6

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stream:
    """A residual stream: its states, and the convolutions that write and read them."""

    states: list[str]
    """The first state is written by a convolution, each other is a sum with the one before it."""
    writers: list[NodeProto]
    """One for each state."""
    readers: list[list[NodeProto]]
    """Of each state."""


def equalise_residuals(model: onnx.ModelProto, calibration: Sequence[Feed]) -> onnx.ModelProto:
    """Rewrite `model` in place, exactly but for rounding; towers without such streams stay."""
    graph = Graph(model)
    streams = [
        stream
        for node in graph.nodes
        if node.op_type == "Conv" and (stream := _stream(graph, node)) is not None
    ]
    if not streams:
        return graph.finish()
    states = [state for stream in streams for state in stream.states]
    spans = dict(zip(states, _spans(model, states, calibration), strict=True))
    for stream in streams:
        _rewrite(graph, stream, [spans[state] for state in stream.states])
    return graph.finish()


def _stream(graph: Graph, first: NodeProto) -> Stream | None:
    """The stream that begins at a convolution; None if something else takes part in it."""
    state = first.output[0]
    if any(_is_branch(graph, add, state) for add in graph.consumers(state)):
        return None
    stream = Stream([state], [first], [])
    while True:
        readers = [node for node in graph.consumers(state) if node.op_type != "Add"]
        sums = [node for node in graph.consumers(state) if node.op_type == "Add"]
        if state in graph.outputs or not all(map(_is_pointwise, readers)) or len(sums) > 1:
            return None
        stream.readers.append(readers)
        if not sums:
            return stream if any(stream.readers) else None
        branch = next((name for name in sums[0].input if name != state), state)
        writer = graph.producer(branch)
        if writer is None or not _is_branch(graph, sums[0], branch):
            return None
        state = sums[0].output[0]
        stream.states.append(state)
        stream.writers.append(writer)


def _is_branch(graph: Graph, add: NodeProto, tensor: str) -> bool:
    """Whether a tensor is what a block adds: of a convolution, and seen by the sum alone."""
    writer = graph.producer(tensor)
    others = [graph.producer(name) for name in add.input if name != tensor]
    return (
        add.op_type == "Add"
        and writer is not None
        and writer.op_type == "Conv"
        and len(graph.consumers(tensor)) == 1
        and all(node is not None and node.op_type in ("Conv", "Add") for node in others)
    )


def _is_pointwise(node: NodeProto) -> bool:
    """Whether a node is a 1 x 1 convolution over all channels, so that no padding is shifted."""
    sides = next((list(a.ints) for a in node.attribute if a.name == "kernel_shape"), [])
    grouped = any(a.name == "group" and a.i > 1 for a in node.attribute)
    return node.op_type == "Conv" and sides == [1, 1] and not grouped and len(node.input) == 3


def _spans(
    model: onnx.ModelProto, states: Sequence[str], calibration: Sequence[Feed]
) -> Iterator[tuple[Floats, Floats]]:
    """The least and the greatest value of each channel, `[channels]` both, of every state."""
    present = len(model.graph.output)
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in states)
    opened = session(model, optimise=False)
    del model.graph.output[present:]
    low, high = [np.inf] * len(states), [-np.inf] * len(states)
    for feed in calibration:
        for place, value in enumerate(opened.run(list(states), dict(feed))):
            low[place] = np.minimum(low[place], value.min(axis=(0, 2, 3)))
            high[place] = np.maximum(high[place], value.max(axis=(0, 2, 3)))
    for least, greatest in zip(low, high, strict=True):
        yield np.asarray(least, np.float64), np.asarray(greatest, np.float64)


def _rewrite(graph: Graph, stream: Stream, spans: Sequence[tuple[Floats, Floats]]) -> None:
    centres = [(low + high) / 2 for low, high in spans]
    widths = [np.maximum(high - low, SMALLEST) for low, high in spans]
    relative = np.max([width / width.max() for width in widths], axis=0)
    scale = (relative / np.exp(np.log(relative).mean())) ** POWER
    before = np.zeros_like(scale)
    for writer, centre in zip(stream.writers, centres, strict=True):
        weight, bias = _parameters(graph, writer)
        _set(graph, writer, weight / scale[:, None, None, None], (bias - centre + before) / scale)
        before = centre
    for readers, centre in zip(stream.readers, centres, strict=True):
        for reader in readers:
            weight, bias = _parameters(graph, reader)
            _set(graph, reader, weight * scale[:, None, None], bias + weight[:, :, 0, 0] @ centre)


def _parameters(graph: Graph, node: NodeProto) -> tuple[Floats, Floats]:
    weight, bias = (np.asarray(graph.constant(name), np.float64) for name in node.input[1:])
    return weight, bias


def _set(graph: Graph, node: NodeProto, weight: Floats, bias: Floats) -> None:
    node.input[1] = graph.add_constant("weight", weight.astype(np.float32))
    node.input[2] = graph.add_constant("bias", bias.astype(np.float32))
