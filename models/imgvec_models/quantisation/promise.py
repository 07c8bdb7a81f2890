"""Whether a built graph gives the same bits on every x86, by what is in it."""

from typing import Final

import onnx

from imgvec_models.quantisation.check import check_pairs

ROUNDS_APART: Final = {
    "Conv": "a convolution in float32",
    "FusedConv": "a convolution in float32",
    "MultiHeadAttention": "a softmax",
    "Softmax": "a softmax",
}
"""Operators whose kernels sum in another order with AVX-512 than with AVX2. The others that towers
are made of give the same bits on both: GELU in each form, Tanh, Sigmoid, Erf, norms, means,
pooling, products of matrices."""


def broken_promise(model: onnx.ModelProto) -> str | None:
    """Why another x86 may give other bits; None where the file is proven exact."""
    if check_pairs(model).violations:
        return "sums of its integers saturate without VNNI"
    kinds = {node.op_type for node in model.graph.node}
    for kind, name in ROUNDS_APART.items():
        if kind in kinds:
            return f"it has {name}, which rounds by instruction set"
    if "DynamicQuantizeLinear" in kinds:
        return "ranges of its own for each input carry a last bit further"
    if not {"MatMulIntegerToFloat", "QLinearConv"} & kinds:
        return "its products are in floats, whose order is the library's"
    return None
