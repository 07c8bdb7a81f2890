"""Following values through operators that only move them.

A tensor of places, 0, 1, 2, ..., goes through such operators as the values would. So what a chain
of them does is read off its end, however an exporter wrote it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, helper

from imgvec_models.graphs.edit import Graph

MOVES: Final = frozenset({"Reshape", "Squeeze", "Transpose", "Unsqueeze"})
"""Operators that keep every value: splitting heads apart, and putting them together."""

Places: TypeAlias = NDArray[np.int64]
Shapes: TypeAlias = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Path:
    """A tensor, and the operators behind it through which its values go, in their order."""

    start: str
    steps: tuple[tuple[NodeProto, str], ...] = ()
    """Each with the output that is followed."""
    scale: float = 1.0
    """The product of what scales on the way."""

    @property
    def tensors(self) -> list[str]:
        """All tensors on the way."""
        return [self.start, *(output for _, output in self.steps)]

    @property
    def end(self) -> str:
        """The last tensor."""
        return self.tensors[-1]

    def behind(self, tensor: str) -> "Path":
        """The way from one of its tensors to the end."""
        return Path(tensor, self.steps[self.tensors.index(tensor) :])

    def until(self, tensor: str) -> "Path":
        """The way to one of its tensors."""
        return Path(self.start, self.steps[: self.tensors.index(tensor)])


def in_order(*lengths: int) -> Places:
    """A tensor whose values are their own places."""
    return np.arange(int(np.prod(lengths)), dtype=np.int64).reshape(lengths)


def follow(graph: Graph, path: Path, shapes: Shapes) -> Places:
    """The places, in the start of a path, of the values at its end."""
    places = in_order(*shapes[path.start])
    for node, output in path.steps:
        places = _through(graph, node, output, shapes[output], places)
    return places


def _through(
    graph: Graph, node: NodeProto, output: str, shape: tuple[int, ...], places: Places
) -> Places:
    said = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    if node.op_type == "Transpose":
        return places.transpose(said.get("perm"))
    if node.op_type == "Gather":
        index = np.asarray(graph.constant(node.input[1]))
        return np.take(places, np.array(index.item()), said.get("axis", 0))
    if node.op_type == "Split":
        axis = said.get("axis", 0)
        begin = list(node.output).index(output) * shape[axis]
        # Of parts that are not equal the last may be shorter: then nothing matches.
        return places.take(range(begin, begin + shape[axis]), axis, mode="clip")
    return places.reshape(shape) if node.op_type in MOVES else places


def up(graph: Graph, tensor: str, picks: bool = False) -> Path:
    """The way from where a tensor was made; with `picks` also through parts and scales."""
    steps: list[tuple[NodeProto, str]] = []
    scale = 1.0
    while (node := graph.producer(tensor)) is not None:
        step = through(graph, node) if picks else (node.input[0], 1.0)
        if step is None or not (picks or node.op_type in MOVES):
            break
        steps.append((node, tensor))
        tensor, scale = step[0], scale * step[1]
    return Path(tensor, tuple(reversed(steps)), scale)


def down(graph: Graph, tensor: str) -> Path:
    """The way that a tensor's values go while they are only moved, and nothing else takes them."""
    steps: list[tuple[NodeProto, str]] = []
    start = tensor
    while (node := only(graph, tensor)) is not None and node.op_type in MOVES:
        tensor = node.output[0]
        steps.append((node, tensor))
    return Path(start, tuple(steps))


def only(graph: Graph, tensor: str) -> NodeProto | None:
    """The one node that takes a tensor; None if there are more, or it is an output."""
    consumers = graph.consumers(tensor)
    return consumers[0] if len(consumers) == 1 and tensor not in graph.outputs else None


def through(graph: Graph, node: NodeProto) -> tuple[str, float] | None:
    """The tensor that a node moves, scales or takes a part of, and the factor; None for others."""
    if node.op_type in MOVES or node.op_type == "Split":
        return node.input[0], 1.0
    if node.op_type == "Gather":
        index = graph.constant(node.input[1])
        return (node.input[0], 1.0) if index is not None and index.size == 1 else None
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
