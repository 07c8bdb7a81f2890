"""Float16 in the place of float32, for GPUs, whose matrix units take it at many times the speed."""

import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16


def halve(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph in float16; its inputs and outputs stay float32.

    A CPU runs it too, with casts around each operator: slowly, and with the same result but for the
    last digits.
    """
    halved: onnx.ModelProto = convert_float_to_float16(model, keep_io_types=True)
    return halved
