"""Residual streams share out shifts and scales without a change of any output."""

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from imgvec_models.graphs.edit import Graph
from imgvec_models.graphs.run import rows, session, values
from imgvec_models.quantisation.equalise import equalise_residuals
from tests.support.models.small_clip import small_feeds, small_tower

SIDE = 32
KERNELS = {"start": (8, 3, 3), "branch": (8, 8, 1), "reader": (12, 8, 1)}


def _blocks(reader_side: int = 1) -> onnx.ModelProto:
    """A convolution, a block that is added to it, and a reader of the sum."""
    random = np.random.default_rng(1)
    weights: dict[str, NDArray[np.float32]] = {}

    def convolve(name: str, x: str, side: int) -> NodeProto:
        outputs, inputs, _ = KERNELS[name]
        # Channels of very different spread, far from zero.
        spread = np.geomspace(0.05, 5, outputs)[:, None, None, None]
        kernel = random.normal(size=(outputs, inputs, side, side)) * spread
        weights[f"{name}.weight"] = kernel.astype(np.float32)
        weights[f"{name}.bias"] = random.normal(0, 5, outputs).astype(np.float32)
        node = helper.make_node("Conv", [x, f"{name}.weight", f"{name}.bias"], [f"{name}.out"])
        for key, value in {"kernel_shape": [side, side], "pads": [side // 2] * 4}.items():
            node.attribute.append(helper.make_attribute(key, value))
        return node

    nodes = [
        convolve("start", "pixel_values", 3),
        convolve("branch", "start.out", 1),
        helper.make_node("Add", ["branch.out", "start.out"], ["sum"]),
        convolve("reader", "sum", reader_side),
        helper.make_node("Relu", ["reader.out"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 12, SIDE, SIDE])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _spans(model: onnx.ModelProto, tensor: str) -> NDArray[np.float32]:
    """Each channel's least and greatest value: `[2, channels]`."""
    found = [values(model, [tensor], feed)[0] for feed in small_feeds("image", 10)]
    stacked = np.concatenate(found)
    return np.stack([stacked.min(axis=(0, 2, 3)), stacked.max(axis=(0, 2, 3))])


def test_no_output_changes() -> None:
    feeds = small_feeds("image", 10, seed=3)
    before = rows(session(_blocks()), "y", feeds)
    after = rows(session(equalise_residuals(_blocks(), small_feeds("image", 10))), "y", feeds)
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("tensor", ["start.out", "sum"])
def test_channels_are_centred_and_nearer_in_spread(tensor: str) -> None:
    before = _spans(_blocks(), tensor)
    after = _spans(equalise_residuals(_blocks(), small_feeds("image", 10)), tensor)
    centres, widths = after.mean(axis=0), np.ptp(after, axis=0)
    assert np.abs(centres).max() < 1e-3 * widths.max()
    wide = np.ptp(before, axis=0)
    assert widths.max() / widths.min() < 0.3 * wide.max() / wide.min()


def test_a_stream_that_is_read_with_padding_stays() -> None:
    model = equalise_residuals(_blocks(reader_side=3), small_feeds("image", 2))
    unchanged = Graph(_blocks(reader_side=3)).constant("start.weight")
    np.testing.assert_array_equal(Graph(model).constant("start.weight"), unchanged)


def test_a_stream_that_is_an_output_stays() -> None:
    model = _blocks()
    model.graph.output.append(helper.make_tensor_value_info("sum", TensorProto.FLOAT, None))
    same = equalise_residuals(model, small_feeds("image", 2))
    assert Graph(same).constant("start.weight") is not None


def test_a_transformer_has_no_such_stream() -> None:
    before = small_tower("image")
    Graph(before).finish()
    after = equalise_residuals(small_tower("image"), small_feeds("image", 2))
    assert after.SerializeToString() == before.SerializeToString()
