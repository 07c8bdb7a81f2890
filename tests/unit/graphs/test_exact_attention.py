"""Attention taken apart: the same values, and nothing in it that rounds by instruction set."""

from collections import Counter

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from imgvec_models.graphs.edit import MICROSOFT
from imgvec_models.graphs.exact import exact_attention
from imgvec_models.graphs.fuse import fuse
from imgvec_models.graphs.run import cosines, rows, session
from tests.support.models.small_clip import small_feeds, small_tower

EMBEDDINGS = {"image": "image_embeds", "text": "text_embeds"}
HEADS, WIDTH = 3, 12


def _alone(causal: bool) -> onnx.ModelProto:
    """One MultiHeadAttention and nothing else."""
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", "t", WIDTH]) for name in "qkv"
    ]
    node = helper.make_node(
        "MultiHeadAttention",
        ["q", "k", "v"],
        ["y"],
        domain=MICROSOFT,
        num_heads=HEADS,
        scale=0.5,
        unidirectional=int(causal),
    )
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", "t", WIDTH])
    graph = helper.make_graph([node], "g", inputs, [output])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def _random(batch: int, length: int, spread: float) -> dict[str, np.ndarray]:
    random = np.random.default_rng(length)
    return {
        name: random.normal(0, spread, (batch, length, WIDTH)).astype(np.float32) for name in "qkv"
    }


@pytest.mark.parametrize("tower", ["image", "text"])
def test_a_tower_gives_the_same_vectors(tower: str) -> None:
    feeds = small_feeds(tower, 20, seed=7)
    fused = fuse(small_tower(tower), feeds[0])
    before = rows(session(fused), EMBEDDINGS[tower], feeds)
    taken = exact_attention(fused)
    onnx.checker.check_model(taken)
    kinds = Counter(node.op_type for node in taken.graph.node)
    assert not {"MultiHeadAttention", "Softmax"} & set(kinds)
    assert kinds["Exp"] == kinds["ReduceMax"] > 0
    assert cosines(before, rows(session(taken), EMBEDDINGS[tower], feeds)).min() > 0.999999


@pytest.mark.parametrize("causal", [False, True], ids=["plain", "causal"])
@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("length", [1, 2, 17])
@pytest.mark.parametrize("spread", [1.0, 60.0], ids=["usual scores", "scores of thousands"])
def test_it_is_the_fused_operator(causal: bool, batch: int, length: int, spread: float) -> None:
    feed = _random(batch, length, spread)
    (whole,) = session(_alone(causal)).run(["y"], feed)
    (apart,) = session(exact_attention(_alone(causal))).run(["y"], feed)
    assert np.isfinite(apart).all()
    np.testing.assert_allclose(apart, whole, rtol=1e-4, atol=1e-5 * spread)


def test_what_comes_later_is_not_seen_whatever_it_scores() -> None:
    opened = session(exact_attention(_alone(causal=True)))
    feed = _random(1, 9, 20.0)
    louder = {
        name: np.concatenate([one[:, :5], 30 * one[:, 5:]], axis=1) for name, one in feed.items()
    }
    (quiet,), (loud,) = opened.run(["y"], feed), opened.run(["y"], louder)
    assert np.array_equal(quiet[:, :5], loud[:, :5])
    assert not np.array_equal(quiet[:, 5:], loud[:, 5:]), "positive control"


def test_a_softmax_that_no_attention_was_fused_of_is_taken_apart_too() -> None:
    model = small_tower("text")
    before = Counter(node.op_type for node in model.graph.node)
    assert before["Softmax"] > 0, "positive control"
    feeds = small_feeds("text", 4)
    exact = rows(session(model), "text_embeds", feeds)
    taken = exact_attention(model)
    assert "Softmax" not in {node.op_type for node in taken.graph.node}
    assert cosines(exact, rows(session(taken), "text_embeds", feeds)).min() > 0.999999
