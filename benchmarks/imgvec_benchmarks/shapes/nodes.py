"""A graph in the making, with nodes named as PyTorch's exporter names them."""

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 14
"""Opset of the published exports of CLIP, so norms and activations come in small pieces."""
IR_VERSION = 7


class Nodes:
    """Nodes and weights; each method gives the name of the tensor that it adds."""

    def __init__(self, opset: int = OPSET) -> None:
        """Start empty."""
        self._opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[TensorProto] = []
        self._constants = 0

    def op(
        self, kind: str, inputs: Sequence[str], name: str, **attributes: int | float | list[int]
    ) -> str:
        """Add a node of one output, whose tensor is called after the node."""
        output = f"{name}_output_0"
        node = helper.make_node(kind, inputs, [output], name=name)
        node.attribute.extend(helper.make_attribute(*pair) for pair in attributes.items())
        self.nodes.append(node)
        return output

    def constant(self, value: NDArray[np.generic] | float | int | list[int]) -> str:
        """Add a Constant node: float32 for floats, int64 for integers."""
        array = np.asarray(value)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        self._constants += 1
        name = f"/Constant_{self._constants}"
        node = helper.make_node("Constant", [], [f"{name}_output_0"], name=name)
        node.attribute.append(helper.make_attribute("value", numpy_helper.from_array(array)))
        self.nodes.append(node)
        return f"{name}_output_0"

    def weight(self, name: str, array: NDArray[np.generic]) -> str:
        """Add an initializer."""
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def rename_last(self, name: str) -> str:
        """Call the last node's output `name`, as a graph's output is called."""
        self.nodes[-1].output[0] = name
        return name

    def model(
        self, inputs: Sequence[onnx.ValueInfoProto], outputs: Sequence[onnx.ValueInfoProto]
    ) -> onnx.ModelProto:
        """The model of everything added."""
        graph = helper.make_graph(self.nodes, "main_graph", inputs, outputs, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self._opset)])
        model.ir_version = IR_VERSION
        model.producer_name = "pytorch"
        return model
