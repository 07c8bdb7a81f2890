"""Quantising towers of each kind, and what stays true of them."""

from functools import cache

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from imgvec_models.graphs.fuse import fuse
from imgvec_models.graphs.run import Feed, cosines, rows, session
from imgvec_models.quantisation.check import check_pairs
from imgvec_models.quantisation.quantise import LARGE, quantise
from imgvec_models.quantisation.scheme import SCHEMES, Scheme
from tests.support.models.small_clip import END, small_feeds, small_tower

EMBEDDINGS = {"image": "image_embeds", "text": "text_embeds"}
EXACT = [name for name, scheme in SCHEMES.items() if scheme.weights != "plain"]


def _quantise(tower: str, scheme: Scheme) -> bytes:
    feeds = small_feeds(tower, 24)
    fused = fuse(small_tower(tower), feeds[0])
    model = quantise(fused, feeds, scheme, in_float={EMBEDDINGS[tower]})
    serialised: bytes = model.SerializeToString()
    return serialised


_quantise_once = cache(_quantise)


def _quantised(tower: str, scheme: Scheme) -> onnx.ModelProto:
    return onnx.load_from_string(_quantise_once(tower, scheme))


def _cosines(tower: str, model: onnx.ModelProto) -> NDArray[np.float64]:
    feeds = small_feeds(tower, 40, seed=9)
    output = EMBEDDINGS[tower]
    exact = rows(session(small_tower(tower)), output, feeds)
    return cosines(exact, rows(session(model), output, feeds))


@pytest.mark.parametrize("tower", ["image", "text"])
@pytest.mark.parametrize("scheme", list(SCHEMES))
def test_every_scheme_stays_near_float32(tower: str, scheme: str) -> None:
    near = _cosines(tower, _quantised(tower, SCHEMES[scheme]))
    assert np.median(near) > 0.998
    assert near.min() > 0.95


@pytest.mark.parametrize("tower", ["image", "text"])
@pytest.mark.parametrize("scheme", list(SCHEMES))
def test_every_matrix_of_the_blocks_becomes_integers(tower: str, scheme: str) -> None:
    model = _quantised(tower, SCHEMES[scheme])
    matrices = 12 + (tower == "image")
    assert len(check_pairs(model).layers) == matrices
    assert [node.op_type for node in model.graph.node].count("MatMul") == 1
    onnx.checker.check_model(model)


@pytest.mark.parametrize("scheme", EXACT)
def test_schemes_that_are_exact_on_every_x86_keep_the_bound(scheme: str) -> None:
    assert check_pairs(_quantised("image", SCHEMES[scheme])).violations == 0


def test_a_plain_scheme_is_found_out() -> None:
    report = check_pairs(_quantised("image", SCHEMES["plain-static"]))
    assert report.violations > 100
    assert report.largest > 200


def test_the_same_source_gives_the_same_file() -> None:
    assert _quantise("text", Scheme()) == _quantise("text", Scheme())


def test_static_texts_depend_neither_on_padding_nor_on_batch_mates() -> None:
    opened = session(_quantised("text", Scheme()))
    short, long = sorted(small_feeds("text", 5), key=lambda f: f["input_ids"].size)[::4]
    gap = long["input_ids"].size - short["input_ids"].size
    assert gap > 2
    padded = np.pad(short["input_ids"], ((0, 0), (0, gap)), constant_values=END)
    ids = np.concatenate([padded, long["input_ids"]])
    together: Feed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    alone = rows(opened, "text_embeds", [short, long])
    np.testing.assert_allclose(rows(opened, "text_embeds", [together]), alone, rtol=1e-4, atol=1e-4)


def _table_model(rows_: int, kind: type[np.generic] = np.float32) -> onnx.ModelProto:
    table = np.random.default_rng(0).normal(0, 4, (rows_, 64)).astype(kind)
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "ids"], ["y"])],
        "g",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, None])],
        [helper.make_tensor_value_info("y", helper.np_dtype_to_tensor_dtype(table.dtype), None)],
        [numpy_helper.from_array(table, "table")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_a_large_table_is_stored_in_a_quarter() -> None:
    count = LARGE // 64 + 1
    feed: Feed = {"ids": np.array([[0, 5, count - 1]])}
    exact = rows(session(_table_model(count)), "y", [feed])
    model = quantise(_table_model(count), [feed], Scheme())
    assert model.ByteSize() < 0.3 * _table_model(count).ByteSize()
    near = rows(session(model), "y", [feed])
    greatest = np.abs(exact).max(axis=-1, keepdims=True)
    assert (np.abs(near - exact) <= greatest / 127 / 2 + 1e-6).all()


def test_a_small_table_is_left_alone() -> None:
    feed: Feed = {"ids": np.array([[1]])}
    model = quantise(_table_model(100), [feed], Scheme())
    assert model.graph.initializer[0].data_type == TensorProto.FLOAT


def test_a_packed_table_is_left_alone() -> None:
    """Four bits a value, two in a byte, would be nonsense with a scale of a row."""
    packed, feed = _table_model(LARGE // 64 + 1, np.int8), {"ids": np.array([[1, 3]])}
    exact = rows(session(packed), "y", [feed])
    model = quantise(_table_model(LARGE // 64 + 1, np.int8), [feed], Scheme())
    assert np.array_equal(rows(session(model), "y", [feed]), exact)
    assert [node.op_type for node in model.graph.node] == ["Gather"]


def _convolutions() -> onnx.ModelProto:
    """Stem, a depthwise block with a skip, and a head, as in an EfficientNet-Lite."""
    random = np.random.default_rng(2)
    weights = {
        "stem": random.normal(0, 0.3, (16, 3, 3, 3)),
        "expand": random.normal(0, 0.3, (32, 16, 1, 1)),
        "depthwise": random.normal(0, 0.4, (32, 1, 3, 3)),
        "project": random.normal(0, 0.2, (16, 32, 1, 1)),
    }
    biases = {name: random.normal(0, 0.3, len(array)) for name, array in weights.items()}
    constants = {
        **{f"{name}.weight": array.astype(np.float32) for name, array in weights.items()},
        **{f"{name}.bias": array.astype(np.float32) for name, array in biases.items()},
        "zero": np.float32(0),
        "six": np.float32(6),
        "head.weight": random.normal(0, 0.3, (24, 16)).astype(np.float32),
        "head.bias": random.normal(0, 0.3, 24).astype(np.float32),
    }

    def convolve(name: str, x: str, y: str, **attributes: int | list[int]) -> onnx.NodeProto:
        node = helper.make_node("Conv", [x, f"{name}.weight", f"{name}.bias"], [y], name=name)
        node.attribute.extend(helper.make_attribute(*pair) for pair in attributes.items())
        return node

    nodes = [
        convolve("stem", "pixel_values", "a", strides=[2, 2], pads=[0, 0, 1, 1]),
        helper.make_node("Clip", ["a", "zero", "six"], ["stem.out"]),
        convolve("expand", "stem.out", "b"),
        helper.make_node("Relu", ["b"], ["expand.out"]),
        convolve("depthwise", "expand.out", "c", group=32, pads=[1, 1, 1, 1]),
        helper.make_node("Clip", ["c", "zero", "six"], ["depthwise.out"]),
        convolve("project", "depthwise.out", "project.out"),
        helper.make_node("Add", ["project.out", "stem.out"], ["sum"]),
        helper.make_node("ReduceMean", ["sum"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("Gemm", ["mean", "head.weight", "head.bias"], ["y"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["n", 3, 32, 32])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 24])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("scheme", list(SCHEMES))
def test_a_convolutional_tower_stays_near_float32(scheme: str) -> None:
    test = small_feeds("image", 20, seed=4)
    exact = rows(session(_convolutions()), "y", test)
    model = quantise(_convolutions(), small_feeds("image", 30), SCHEMES[scheme])
    found = cosines(exact, rows(session(model), "y", test)).min()
    if SCHEMES[scheme].weights == "plain":
        # Their sums saturate on processors without VNNI, which is why no served file has them.
        assert found > 0.99
    else:
        assert found > 0.998
        assert check_pairs(model).violations == 0


def test_a_convolutional_tower_is_quantised_whole() -> None:
    model = quantise(_convolutions(), small_feeds("image", 30), Scheme())
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("QLinearConv") == 4
    assert kinds.count("QLinearAdd") == kinds.count("QuantizeLinear") - 1 == 1
    assert not {"Conv", "Clip", "Relu"} & set(kinds)
    report = check_pairs(model)
    assert [layer.exempt for layer in report.layers].count("depthwise") == 1
    assert report.violations == 0


def test_biases_make_mean_outputs_exact() -> None:
    feeds = small_feeds("image", 60)
    exact = rows(session(_convolutions()), "y", feeds).mean(axis=0)
    model = quantise(_convolutions(), feeds, Scheme())
    ours = rows(session(model), "y", feeds).mean(axis=0)
    assert np.abs(ours - exact).max() < 0.01 * np.abs(exact).max()
