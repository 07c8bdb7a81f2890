"""Float16 in the place of float32, for GPUs, whose matrix units take it at many times the speed."""

import onnx
from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

# The converter leaves Max in float32, and puts no cast before it where it cannot infer types.
IN_FLOAT32 = [kind for kind in DEFAULT_OP_BLOCK_LIST if kind != "Max"]


def halve(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph in float16; its inputs and outputs stay float32.

    A CPU runs it too, with casts around each operator: slowly, and with the same result but for the
    last digits.
    """
    halved: onnx.ModelProto = convert_float_to_float16(
        model, keep_io_types=True, op_block_list=IN_FLOAT32
    )
    return halved
