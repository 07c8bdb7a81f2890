"""Writing an ONNX graph by hand, each tensor named after the node that makes it."""

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

OPSET, IR_VERSION = 17, 8

Shape = Sequence[int | str]


class Graph:
    """Nodes and weights; `add` and `weight` give the name of the tensor that they add."""

    def __init__(self) -> None:
        """Start empty."""
        self._nodes: list[onnx.NodeProto] = []
        self._weights: dict[str, onnx.TensorProto] = {}

    def add(
        self, kind: str, inputs: Sequence[str], name: str, **attributes: int | float | list[int]
    ) -> str:
        """Add a node of one output, called `name`."""
        node = helper.make_node(kind, inputs, [name], name=name)
        node.attribute.extend(
            helper.make_attribute(key, value) for key, value in attributes.items()
        )
        self._nodes.append(node)
        return name

    def split(self, tensor: str, sizes: Sequence[int], name: str, axis: int) -> list[str]:
        """Cut a tensor into pieces along an axis."""
        pieces = [f"{name}.{index}" for index in range(len(sizes))]
        lengths = self.weight(f"{name}.sizes", np.array(sizes, np.int64))
        node = helper.make_node("Split", [tensor, lengths], pieces, name=name, axis=axis)
        self._nodes.append(node)
        return pieces

    def weight(self, name: str, array: NDArray[np.generic]) -> str:
        """Add an initializer; floats become float32."""
        stored = array.astype(np.float32) if array.dtype.kind == "f" else array
        self._weights[name] = numpy_helper.from_array(np.array(stored, order="C"), name)
        return name

    def model(self, name: str, inputs: dict[str, tuple[int, Shape]], width: int) -> onnx.ModelProto:
        """The checked model, from inputs of (type, shape) to `embedding` float32 [n, `width`]."""
        graph = helper.make_graph(
            self._nodes,
            name,
            [helper.make_tensor_value_info(key, *value) for key, value in inputs.items()],
            [helper.make_tensor_value_info("embedding", onnx.TensorProto.FLOAT, ["batch", width])],
            list(self._weights.values()),
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = IR_VERSION
        onnx.checker.check_model(model, full_check=True)
        return model
