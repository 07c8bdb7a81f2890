"""The image tower alone, on one thread: float32, int8 as served, and the arithmetic's limit."""

from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

from benchmarks.material import CLIP, STARTER, Material
from benchmarks.timing import in_turns
from imgvec.encoders.registry import shipped_folder

ROUNDS: Final = 40
SIDE: Final = 2048
"""Of the square matrices whose product shows what the kernels can do."""
MACS: Final = 4.41e9
"""Of CLIP B/32's image tower: 50 positions through 12 blocks of width 768, and 49 patches."""


def section(material: Material) -> str:
    """Milliseconds of one image, and how far from the limit they are."""
    image = np.random.default_rng(0).normal(size=(1, 3, 224, 224)).astype(np.float32)
    small = np.random.default_rng(0).normal(size=(1, 3, 260, 260)).astype(np.float32)
    timed = in_turns(
        {
            "int8 product": _product(),
            "float32": _tower(material.source / "image.onnx", image),
            "int8": _tower(material.models / CLIP / "image.onnx", image),
            "starter": _tower(shipped_folder() / STARTER / "image.int8.onnx", small),
        },
        ROUNDS,
    )
    rate = SIDE**3 / timed["int8 product"].median * 1000
    limit = MACS / rate * 1000
    fp32, int8 = timed["float32"].median, timed["int8"].median
    return "\n".join(
        [
            "## The encoder",
            "",
            "CLIP B/32's image tower, one thread, one image, ms: median (quartiles) of "
            f"{ROUNDS} runs in turns.",
            "",
            "| graph | ms | of float32 |",
            "|---|---|---|",
            f"| ONNX Runtime, float32 | {timed['float32']} | 1 |",
            f"| int8, as served | {timed['int8']} | {fp32 / int8:.2f} times faster |",
            f"| `starter`, as served | {timed['starter']} | |",
            "",
            f"A product of {SIDE}-cubed int8 matrices reaches {rate / 1e9:.0f} GMAC/s on this "
            f"core, so {MACS / 1e9:.2f} GMAC take {limit:.1f} ms at least: the served graph takes "
            f"**{int8 / limit:.2f} times** that limit.",
            "",
        ]
    )


def _tower(path: Path, image: np.ndarray) -> partial[object]:
    session = onnxruntime.InferenceSession(path, _options(), providers=["CPUExecutionProvider"])
    output = session.get_outputs()[0].name
    return partial(session.run, [output], {session.get_inputs()[0].name: image})


def _product() -> partial[object]:
    random = np.random.default_rng(0)
    weights = random.integers(-127, 127, (SIDE, SIDE), np.int8)
    shape = (SIDE, SIDE)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["a", "b"], ["c"])],
        "product",
        [helper.make_tensor_value_info("a", TensorProto.UINT8, shape)],
        [helper.make_tensor_value_info("c", TensorProto.INT32, shape)],
        [helper.make_tensor("b", TensorProto.INT8, shape, weights.tobytes(), raw=True)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), _options(), providers=["CPUExecutionProvider"]
    )
    return partial(session.run, None, {"a": random.integers(0, 255, (SIDE, SIDE), np.uint8)})


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return options
