"""Operations of a graph for one image, and what a provider does of a bare product at most."""

import json
import math
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

from imgvec.encoders.graph import PROVIDERS
from imgvec.settings import Provider

PRODUCTS: Final = frozenset(
    {"Gemm", "MatMul", "MatMulInteger", "MatMulIntegerToFloat", "QGemm", "QLinearMatMul"}
)
CONVOLUTIONS: Final = frozenset({"Conv", "ConvInteger", "QLinearConv"})
RUNS: Final = 3
"""Before the clock: libraries choose their kernels by then."""


def operations_of(path: Path) -> float:
    """Two for each multiplication of matrices, filters and attention, by the shapes of a run."""
    with TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder, "profile"))
        # The nodes as they are written, with their weights as they are written.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.add_session_config_entry("session.disable_prepacking", "1")
        session = onnxruntime.InferenceSession(path, options, providers=PROVIDERS["cpu"])
        image = session.get_inputs()[0]
        session.run(None, {image.name: np.zeros([1, *image.shape[1:]], np.float32)})
        events = json.loads(Path(session.end_profiling()).read_text())
    return sum(_operations(event["args"]) for event in events if event["cat"] == "Node")


def _operations(node: dict[str, Any]) -> float:
    shapes = [shape for one in node.get("input_type_shape", ()) for shape in one.values()]
    outputs = [shape for one in node.get("output_type_shape", ()) for shape in one.values()]
    match node.get("op_name"):
        case kind if kind in PRODUCTS:
            return float(2 * outputs[0][-1] * math.prod(shapes[0]))
        case kind if kind in CONVOLUTIONS:
            weights = next(shape for shape in shapes[1:] if len(shape) == 4)
            return float(2 * math.prod(outputs[0]) * math.prod(weights[1:]))
        case "MultiHeadAttention":
            queries, keys = shapes[:2]
            return float(4 * math.prod(queries) * keys[1])
    return 0


def measured_peak(provider: Provider, seconds: float) -> float:
    """Operations a second of one large product: float16 on a GPU, float32 on a processor."""
    gpu = provider != "cpu"
    side, number, kind = (8192, np.float16, TensorProto.FLOAT16) if gpu else (1024, np.float32, 1)
    names = ("a", "b", "c")
    a, b, c = (helper.make_tensor_value_info(name, kind, (side, side)) for name in names)
    graph = helper.make_graph([helper.make_node("MatMul", names[:2], ["c"])], "one", [a, b], [c])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    providers = PROVIDERS["cuda" if gpu else "cpu"]
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=providers)
    bound = session.io_binding()
    place = "cuda" if gpu else "cpu"
    values = np.random.default_rng(0).random((side, side), np.float32).astype(number)
    for name in names[:2]:
        bound.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(values, place, 0))
    bound.bind_output("c", place)
    for _ in range(RUNS):
        session.run_with_iobinding(bound)
    rounds, started = 0, time.perf_counter()
    while (spent := time.perf_counter() - started) < seconds:
        session.run_with_iobinding(bound)
        bound.synchronize_outputs()
        rounds += 1
    return 2 * side**3 * rounds / spent
