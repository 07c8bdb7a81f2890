"""The inputs, outputs and other files that an ONNX file names; its weights are not read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import onnx
from google.protobuf.message import DecodeError
from onnx import GraphProto, ValueInfoProto

from imgvec.errors import ModelError

Shape: TypeAlias = tuple[int | None, ...]
"""None where a dimension is free."""


@dataclass(frozen=True, slots=True)
class Declared:
    """The inputs, outputs and files of weights that a graph declares."""

    inputs: Mapping[str, Shape]
    outputs: Mapping[str, Shape]
    data: frozenset[str]
    """Files beside it that keep its weights."""


def read_graph(path: Path) -> Declared:
    """Read an ONNX file that was pulled.

    Raises:
        ModelError: it is no ONNX file.
    """
    try:
        graph = onnx.load(path, load_external_data=False).graph
    except (DecodeError, OSError):
        raise ModelError(f"{path} is no ONNX file: pull it again") from None
    weights = {tensor.name for tensor in graph.initializer}
    inputs = {one.name: _shape(one) for one in graph.input if one.name not in weights}
    outputs = {one.name: _shape(one) for one in graph.output}
    return Declared(inputs, outputs, frozenset(_places(graph)))


def _shape(value: ValueInfoProto) -> Shape:
    return tuple(
        one.dim_value if one.HasField("dim_value") else None
        for one in value.type.tensor_type.shape.dim
    )


def _places(graph: GraphProto) -> Iterator[str]:
    """The file of each tensor that lies elsewhere."""
    constants = (one.t for node in graph.node for one in node.attribute if one.HasField("t"))
    for tensor in (*graph.initializer, *constants):
        yield from (one.value for one in tensor.external_data if one.key == "location")
