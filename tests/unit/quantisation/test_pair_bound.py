"""The pair bound: scales that keep it, rounding that keeps it, and the proof on a file."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from imgvec_models.quantisation.check import check_pairs
from imgvec_models.quantisation.pairs import (
    BOUND,
    full_scales,
    largest_sums,
    pair_safe_scales,
    partners,
)
from imgvec_models.quantisation.rounding import Limits, gptq

STARTER = Path(__file__).parents[3] / "models" / "starter"
KERNELS = [(64,), (63,), (6, 3, 3), (5, 2, 2), (16, 1, 1)]


def _weights(shape: tuple[int, ...], outputs: int = 12) -> NDArray[np.float64]:
    return np.random.default_rng(3).normal(size=(outputs, int(np.prod(shape))))


def nearest(weights: NDArray[np.float64], scales: NDArray[np.float64]) -> NDArray[np.int64]:
    """Each weight's nearest integer: `[outputs, K]`."""
    return np.clip(np.rint(weights / scales[:, None]), -127, 127).astype(np.int64)


@pytest.mark.parametrize(
    ("row", "sum_"),
    [
        ([127, 1, 0, 0], 128),
        ([127, 2, 0, 0], 129),
        ([-127, -2, 0, 0], 129),
        ([127, -127, 5, 5], 127),
        ([1, 127, 127, 1], 128),
        ([0, 100, 100, 0], 100),
        ([3, 4, 100], 100),
    ],
    ids=[
        "just inside",
        "just outside",
        "negative",
        "opposite signs",
        "two pairs",
        "neighbours of two pairs",
        "odd end",
    ],
)
def test_only_pairs_of_one_sign_sum(row: list[int], sum_: int) -> None:
    assert largest_sums(np.array([row]), (len(row),)) == [sum_]


def test_a_convolution_is_read_in_both_layouts() -> None:
    weights = np.zeros((1, 2, 2, 2), int)
    weights[0, 0, 0, 0] = weights[0, 1, 0, 0] = 100  # neighbours only with channels last
    assert largest_sums(weights.reshape(1, -1), (2, 2, 2)) == [200]
    assert largest_sums(weights.reshape(1, -1), (8,)) == [100]


@pytest.mark.parametrize("shape", KERNELS, ids=str)
def test_partners_are_mutual(shape: tuple[int, ...]) -> None:
    table = partners(shape)
    for position, row in enumerate(table):
        for order, partner in enumerate(row):
            assert partner == -1 or table[partner, order] == position


@pytest.mark.parametrize("shape", KERNELS, ids=str)
def test_safe_scales_keep_the_bound_and_finer_ones_do_not(shape: tuple[int, ...]) -> None:
    weights = _weights(shape)
    scales = pair_safe_scales(weights, shape)
    assert largest_sums(nearest(weights, scales), shape).max() <= BOUND
    finer = np.maximum(scales * 0.99, full_scales(weights))
    coarse = scales > full_scales(weights)
    assert (largest_sums(nearest(weights, finer), shape)[coarse] > BOUND).all()


def test_an_output_whose_weights_are_all_zero_has_a_scale() -> None:
    assert (pair_safe_scales(np.zeros((2, 4)), (4,)) > 0).all()


@pytest.mark.parametrize("shape", KERNELS, ids=str)
@pytest.mark.parametrize("share", [0.5, 1.0, 1.7], ids=["too fine", "full", "coarse"])
def test_gptq_keeps_the_bound_at_any_scale(shape: tuple[int, ...], share: float) -> None:
    weights = _weights(shape)
    inputs = np.random.default_rng(4).normal(size=(200, weights.shape[1]))
    integers, _ = gptq(
        weights,
        inputs.T @ inputs / 200,
        full_scales(weights) * share,
        Limits(127, partners(shape)),
    )
    assert largest_sums(integers, shape).max() <= BOUND
    assert np.abs(integers).max() <= 127


def test_gptq_errs_less_than_nearest_on_correlated_inputs() -> None:
    random = np.random.default_rng(5)
    inputs = random.normal(size=(4000, 160)) @ random.normal(size=(160, 160))
    covariance = inputs.T @ inputs / len(inputs)
    weights = random.normal(size=(20, 160))
    scales, limits = pair_safe_scales(weights, (160,)), Limits(127, partners((160,)))

    def error(integers: NDArray[np.int64]) -> float:
        difference = weights - integers * scales[:, None]
        return float(((difference @ covariance) * difference).sum())

    integers, lost = gptq(weights, covariance, scales, limits)
    assert error(integers) < 0.8 * error(nearest(weights, scales))
    assert lost.sum() == pytest.approx(error(integers), rel=0.1)


def test_blocks_do_not_change_what_gptq_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(6)
    inputs = random.normal(size=(900, 90)) @ random.normal(size=(90, 90))
    arguments = (
        random.normal(size=(7, 90)),
        inputs.T @ inputs / 900,
        np.full(7, 0.03),
        Limits(127, partners((90,))),
    )
    whole, _ = gptq(*arguments)
    monkeypatch.setattr("imgvec_models.quantisation.rounding.BLOCK", 16)
    assert (gptq(*arguments)[0] != whole).mean() < 0.01


def test_each_depthwise_channel_is_rounded_by_its_own_inputs() -> None:
    random = np.random.default_rng(8)
    inputs = random.normal(size=(4, 50, 9)) @ random.normal(size=(4, 9, 9))
    covariance = np.swapaxes(inputs, 1, 2) @ inputs / 50
    weights, limits = random.normal(size=(4, 9)), Limits(127, None)
    scales = full_scales(weights)
    together, _ = gptq(weights, covariance, scales, limits)
    alone, _ = gptq(weights[2:3], covariance[2], scales[2:3], limits)
    np.testing.assert_array_equal(together[2:3], alone)


def test_the_shipped_encoder_keeps_the_bound() -> None:
    for tower, layers in (("image", 67), ("text", 39)):
        path = STARTER / f"{tower}.int8.onnx"
        report = check_pairs(onnx.load(path))
        assert len(report.layers) == layers
        assert report.violations == 0
        assert report.largest == BOUND


def _integer_model(kind: str, weights: NDArray[np.generic]) -> onnx.ModelProto:
    """One integer product in one of the forms that files have."""
    scale = numpy_helper.from_array(np.array(1, np.float32), "s")
    zeros = [
        numpy_helper.from_array(np.array(0, np.uint8), "z"),
        numpy_helper.from_array(np.array(0, np.int8), "wz"),
    ]
    weight = numpy_helper.from_array(weights, "w")
    nodes = {
        "MatMulInteger": [helper.make_node("MatMulInteger", ["x", "w"], ["y"])],
        "MatMulIntegerToFloat": [
            helper.make_node(
                "MatMulIntegerToFloat", ["x", "w", "s", "s"], ["y"], domain="com.microsoft"
            )
        ],
        "Gemm": [
            helper.make_node("DequantizeLinear", ["w", "s"], ["wf"]),
            helper.make_node("Gemm", ["x", "wf"], ["y"], transB=1),
        ],
        "QLinearConv": [
            helper.make_node("QLinearConv", ["x", "s", "z", "w", "s", "wz", "s", "z"], ["y"])
        ],
    }[kind]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, None)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [weight, scale, *zeros],
    )
    return helper.make_model(graph)


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        ("MatMulInteger", (4, 1)),
        ("MatMulIntegerToFloat", (4, 1)),
        ("Gemm", (1, 4)),
        ("QLinearConv", (1, 4, 1, 1)),
    ],
)
@pytest.mark.parametrize(
    ("values", "violations"),
    [([100, 28, 0, 0], 0), ([100, 29, 0, 0], 1)],
    ids=["inside", "outside"],
)
def test_every_kind_of_product_is_looked_at(
    kind: str, shape: tuple[int, ...], values: list[int], violations: int
) -> None:
    model = _integer_model(kind, np.array(values, np.int8).reshape(shape))
    assert check_pairs(model).violations == violations


@pytest.mark.parametrize(
    ("weights", "reason"),
    [
        (np.full((1, 4, 1, 1), 255, np.uint8), "unsigned"),
        (np.full((4, 1, 2, 2), 127, np.int8), "depthwise"),
    ],
    ids=["unsigned", "depthwise"],
)
def test_kernels_that_do_not_add_in_sixteen_bits_are_exempt(
    weights: NDArray[np.generic], reason: str
) -> None:
    (layer,) = check_pairs(_integer_model("QLinearConv", weights)).layers
    assert (layer.exempt, layer.violations) == (reason, 0)


def test_the_report_is_one_line_for_a_person() -> None:
    model = _integer_model("MatMulInteger", np.array([[120], [120]], np.int8))
    assert str(check_pairs(model)) == (
        "1 integer layers, 0 of them exempt, greatest pair 240 of 128, 1 violations"
    )
