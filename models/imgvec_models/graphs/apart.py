"""Writing a graph with its weights in a file beside it, without changing it."""

from pathlib import Path
from typing import BinaryIO, Final

import onnx
from onnx import TensorProto
from onnx.external_data_helper import set_external_data

LARGE: Final = 1 << 10
"""Bytes; smaller constants stay in the graph, because they may be shapes."""
ALIGNMENT: Final = 1 << 12
"""Of each tensor's place in the file, so that it can be mapped."""


def write_apart(model: onnx.ModelProto, folder: Path, name: str = "model.onnx") -> Path:
    """Write the graph `folder / name`, and its weights as `name`.data; gives the graph's path."""
    graph = model.graph
    light = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    light.graph.name = graph.name
    light.graph.node.extend(graph.node)
    light.graph.input.extend(graph.input)
    light.graph.output.extend(graph.output)
    weights = f"{name}.data"
    with (folder / weights).open("wb") as stream:
        for tensor in graph.initializer:
            light.graph.initializer.append(_placed(tensor, stream, weights))
    path = folder / name
    path.write_bytes(light.SerializeToString())
    return path


def _placed(tensor: TensorProto, stream: BinaryIO, weights: str) -> TensorProto:
    """The tensor, its values in `stream` if they are many."""
    if len(tensor.raw_data) <= LARGE:
        return tensor
    stream.seek(-stream.tell() % ALIGNMENT, 1)
    placed = TensorProto(name=tensor.name, dims=tensor.dims, data_type=tensor.data_type)
    # ONNX asks for values that it then takes away again.
    placed.raw_data = b" "
    set_external_data(placed, weights, stream.tell(), len(tensor.raw_data))
    placed.ClearField("raw_data")
    stream.write(tensor.raw_data)
    return placed
