"""Scale and zero point of activations."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from imgvec_models.graphs.run import rows, session
from imgvec_models.quantisation.ranges import (
    Affine,
    affine,
    dynamic_fake,
    observed_range,
    static_range,
)


@pytest.mark.parametrize(
    ("low", "high", "zero"),
    [
        (0.0, 2.55, 0),
        (-2.55, 0.0, 255),
        (-1.02, 1.0, 129),
        (1.0, 2.55, 0),
        (0.0, 0.0, 0),
    ],
    ids=["up", "down", "both", "zero is kept", "constant"],
)
def test_zero_is_always_one_of_the_steps(low: float, high: float, zero: int) -> None:
    found = affine(low, high)
    assert found.zero == zero
    assert found.fake(np.zeros(1, np.float32)) == 0


def test_fake_integers_are_those_of_onnx() -> None:
    x = np.random.default_rng(0).normal(0, 2, 5000).astype(np.float32)
    of_x = affine(-3.3, 4.1)
    weights = [
        numpy_helper.from_array(np.array(of_x.scale, np.float32), "s"),
        numpy_helper.from_array(np.array(of_x.zero, np.uint8), "z"),
    ]
    graph = helper.make_graph(
        [
            helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
            helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"]),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    opened = session(model, optimise=False)
    np.testing.assert_array_equal(of_x.fake(x), rows(opened, "y", [{"x": x}]))


def test_dynamic_fake_integers_are_those_of_onnx() -> None:
    x = np.random.default_rng(0).normal(0, 2, 5000).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]),
            helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"]),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    found = rows(session(model, optimise=False), "y", [{"x": x}])
    np.testing.assert_allclose(dynamic_fake(x), found, atol=1e-6)


def test_few_outliers_are_clipped_and_many_are_not() -> None:
    bulk = np.random.default_rng(1).uniform(-1, 1, 100_000).astype(np.float32)
    few = np.concatenate([bulk, np.full(1, 8.0, np.float32)])
    many = np.concatenate([bulk, np.full(5000, 8.0, np.float32)])
    assert static_range([few])[1] < 7.8
    assert static_range([many])[1] > 7.9


def test_the_chosen_range_errs_less_than_the_observed_one() -> None:
    x = np.random.default_rng(2).laplace(size=20_000).astype(np.float32)

    def error(of_x: Affine) -> float:
        return float((np.abs(of_x.fake(x) - x) ** 2.5).mean())

    assert error(affine(*static_range([x]))) < error(affine(float(x.min()), float(x.max())))


def test_an_observed_range_holds_zero() -> None:
    samples = [np.array([1.0, 2.0], np.float32), np.array([4.0], np.float32)]
    assert observed_range(samples) == (0.0, 4.0)
    assert observed_range([-samples[0]]) == (-2.0, 0.0)


def test_samples_that_never_vary_have_a_range() -> None:
    assert static_range([np.zeros(4, np.float32)]) == (0.0, 0.0)
