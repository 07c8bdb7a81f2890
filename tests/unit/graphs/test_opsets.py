"""Operators of later versions become those of ours, or the file is rejected."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

from imgvec.errors import ModelError
from imgvec_models.graphs.edit import OPSET
from imgvec_models.graphs.load import load
from imgvec_models.graphs.run import rows, session

X = np.random.default_rng(0).normal(0, 2, (1, 4, 6, 6)).astype(np.float32)
NODES = {
    "GELU": helper.make_node("Gelu", ["x"], ["y"]),
    "GELU by tanh": helper.make_node("Gelu", ["x"], ["y"], approximate="tanh"),
    "mean over axes": helper.make_node("ReduceMean", ["x", "axes"], ["y"], keepdims=0),
    "greatest of all": helper.make_node("ReduceMax", ["x"], ["y"]),
    "mean of windows": helper.make_node(
        "AveragePool", ["x"], ["y"], kernel_shape=[2, 2], dilations=[1, 1]
    ),
    "cast": helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT, saturate=1),
    "parts": helper.make_node("Split", ["x"], ["y", "z"], axis=1, num_outputs=2),
}
REJECTED = {
    "spread windows": helper.make_node(
        "AveragePool", ["x"], ["y"], kernel_shape=[2, 2], dilations=[2, 2]
    ),
    "axes of a run": helper.make_node("ReduceMean", ["x", "x"], ["y"]),
    "no axes, and nothing done": helper.make_node(
        "ReduceMean", ["x"], ["y"], noop_with_empty_axes=1
    ),
}


def _write(folder: Path, node: NodeProto, opset: int) -> onnx.ModelProto:
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4, 6, 6])],
        [onnx.ValueInfoProto(name="y")],
        [numpy_helper.from_array(np.array([2, 3]), "axes")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    onnx.save(model, folder / "model.onnx")
    return model


@pytest.mark.parametrize("opset", [20, 22])
@pytest.mark.parametrize("node", NODES.values(), ids=NODES)
def test_it_computes_the_same(tmp_path: Path, node: NodeProto, opset: int) -> None:
    later = _write(tmp_path, node, opset)
    ours = load(tmp_path, "model.onnx")
    assert [one.version for one in ours.opset_import if not one.domain] == [OPSET]
    before, after = (rows(session(model), "y", [{"x": X}]) for model in (later, ours))
    np.testing.assert_allclose(after, before, atol=1e-6)


@pytest.mark.parametrize("node", REJECTED.values(), ids=REJECTED)
def test_what_ours_cannot_say_is_rejected(tmp_path: Path, node: NodeProto) -> None:
    _write(tmp_path, node, 20)
    with pytest.raises(ModelError, match="cannot say: export it with that opset"):
        load(tmp_path, "model.onnx")
