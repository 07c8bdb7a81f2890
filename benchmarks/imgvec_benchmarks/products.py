"""Bare integer products: what the kernels of ONNX Runtime can do, for any shapes."""

from collections.abc import Sequence
from functools import partial
from typing import TypeAlias

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

from imgvec_benchmarks.shapes.sizes import Clip

Product: TypeAlias = tuple[int, int, int]
"""Rows and columns of the left matrix, columns of the right one."""


def tower_products(clip: Clip) -> list[Product]:
    """The products of an image tower with its weights for one image, in order: patches, then for
    each block queries, keys, values, their output, and the two layers behind."""
    rows, width = 1 + clip.patches, clip.image.width
    block = [(rows, width, width)] * 4 + [(rows, width, 4 * width), (rows, 4 * width, width)]
    return [(clip.patches, 3 * clip.patch**2, width), *(block * clip.image.layers)]


def tower_macs(clip: Clip) -> int:
    """Multiplications of an image tower: those, attention among the positions, the projection."""
    positions, width = 1 + clip.patches, clip.image.width
    attention = 2 * positions**2 * width * clip.image.layers
    return macs(tower_products(clip)) + attention + width * clip.joint


def macs(products: Sequence[Product]) -> int:
    return sum(rows * inner * columns for rows, inner, columns in products)


def multiplier(products: Sequence[Product]) -> partial[object]:
    """One run of all of them, each with weights of its own, on one thread."""
    random = np.random.default_rng(0)
    nodes, weights = [], []
    inputs = {f"a_{rows}_{inner}": (rows, inner) for rows, inner, _ in products}
    for place, (rows, inner, columns) in enumerate(products):
        values = random.integers(-127, 127, (inner, columns), np.int8)
        form, raw = (f"b_{place}", TensorProto.INT8, values.shape), values.tobytes()
        weights.append(helper.make_tensor(*form, raw, raw=True))
        names = [f"a_{rows}_{inner}", f"b_{place}"]
        nodes.append(helper.make_node("MatMulInteger", names, [f"c_{place}"]))
    graph = helper.make_graph(
        nodes,
        "products",
        [
            helper.make_tensor_value_info(name, TensorProto.UINT8, shape)
            for name, shape in inputs.items()
        ],
        [
            helper.make_tensor_value_info(f"c_{place}", TensorProto.INT32, (rows, columns))
            for place, (rows, _, columns) in enumerate(products)
        ],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    feed = {name: random.integers(0, 255, shape, np.uint8) for name, shape in inputs.items()}
    return partial(opened(model.SerializeToString()).run, None, feed)


def opened(model: bytes | str) -> onnxruntime.InferenceSession:
    """A session on one thread; of a path or of a model's bytes."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
