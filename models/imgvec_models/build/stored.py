"""Weights that are stored in half the bytes, and computed with as float32."""

from typing import Final

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

LARGE: Final = 1 << 12
"""Bytes; what is smaller is not worth a node."""


def store_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Keep large float32 constants as float16, in place, each with a Cast behind it.

    ONNX Runtime computes such a Cast once, when a graph is loaded.
    """
    graph = model.graph
    casts: list[NodeProto] = []
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and len(tensor.raw_data) >= LARGE:
            name, halved = tensor.name, numpy_helper.to_array(tensor).astype(np.float16)
            tensor.CopyFrom(numpy_helper.from_array(halved, f"{name}__half"))
            casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return model
