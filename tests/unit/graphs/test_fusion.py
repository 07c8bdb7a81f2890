"""Fusion keeps every output, and leaves few nodes."""

from collections import Counter

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from imgvec.errors import ModelError
from imgvec_benchmarks.shapes.sizes import SMALL
from imgvec_models.graphs.edit import Graph
from imgvec_models.graphs.fuse import fuse, unfold_patches
from imgvec_models.graphs.run import cosines, rows, session
from tests.support.models.small_clip import END, small_feeds, small_tower

EMBEDDINGS = {"image": "image_embeds", "text": "text_embeds"}


def _fused(tower: str) -> onnx.ModelProto:
    return fuse(small_tower(tower), small_feeds(tower, 1)[0])


@pytest.mark.parametrize("tower", ["image", "text"])
def test_a_fused_tower_gives_the_same_vectors(tower: str) -> None:
    feeds = small_feeds(tower, 20, seed=7)
    before = rows(session(small_tower(tower)), EMBEDDINGS[tower], feeds)
    after = rows(session(_fused(tower)), EMBEDDINGS[tower], feeds)
    assert cosines(before, after).min() > 0.99999


@pytest.mark.parametrize("tower", ["image", "text"])
def test_norms_activations_and_attention_are_one_node_each(tower: str) -> None:
    layers = SMALL.image.layers if tower == "image" else SMALL.text.layers
    kinds = Counter(node.op_type for node in _fused(tower).graph.node)
    assert kinds["MultiHeadAttention"] == kinds["QuickGelu"] == layers
    assert kinds["LayerNormalization"] == 2 * layers + (2 if tower == "image" else 1)
    assert not {"Softmax", "Sigmoid", "Sqrt", "Conv"} & set(kinds)


@pytest.mark.parametrize("tower", ["image", "text"])
def test_a_fused_tower_is_valid_and_declares_what_it_uses(tower: str) -> None:
    model = _fused(tower)
    onnx.checker.check_model(model)
    assert {one.domain for one in model.opset_import} == {"", "com.microsoft"}


def test_only_the_text_tower_is_causal() -> None:
    for tower, causal in (("image", 0), ("text", 1)):
        for node in _fused(tower).graph.node:
            if node.op_type == "MultiHeadAttention":
                (seen,) = (a.i for a in node.attribute if a.name == "unidirectional")
                assert seen == causal


def test_padding_after_the_end_mark_changes_nothing() -> None:
    opened = session(_fused("text"))
    feed = min(small_feeds("text", 5), key=lambda one: one["input_ids"].size)
    padded = np.concatenate([feed["input_ids"], np.full((1, 3), END)], axis=1)
    mask = np.ones_like(padded)
    mask[:, -3:] = 0
    alone = rows(opened, "text_embeds", [feed])
    beside = rows(opened, "text_embeds", [{"input_ids": padded, "attention_mask": mask}])
    np.testing.assert_allclose(beside, alone, rtol=1e-4, atol=1e-5)


def test_a_mask_that_is_neither_plain_nor_causal_is_left_alone() -> None:
    model = small_tower("text")
    trilu = next(node for node in model.graph.node if node.op_type == "Trilu")
    trilu.attribute[0].i = 0  # each token sees what comes later, and nothing before
    fused = fuse(model, small_feeds("text", 1)[0])
    kinds = {node.op_type for node in fused.graph.node}
    assert "Softmax" in kinds
    assert "MultiHeadAttention" not in kinds


def test_a_fusion_that_changes_an_output_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(model: onnx.ModelProto) -> onnx.ModelProto:
        graph = Graph(model)
        norm = next(t for t in model.graph.initializer if "post_layernorm.weight" in t.name)
        norm.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(norm)[::-1], norm.name))
        return graph.finish()

    monkeypatch.setattr("imgvec_models.graphs.fuse.unfold_patches", wrong)
    with pytest.raises(ModelError, match="changed image_embeds"):
        _fused("image")


@pytest.mark.parametrize("bias", [False, True], ids=["plain", "bias"])
def test_unfolded_patches_equal_the_convolution(bias: bool) -> None:
    random = np.random.default_rng(1)
    kernel = random.normal(size=(5, 3, 4, 8)).astype(np.float32)
    weights = [numpy_helper.from_array(kernel, "w")]
    if bias:
        weights.append(numpy_helper.from_array(random.normal(size=5).astype(np.float32), "b"))
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", *(w.name for w in weights)], ["y"], strides=[4, 8],
                          kernel_shape=[4, 8])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 16, 24])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        weights,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    feeds = [{"x": random.normal(size=(2, 3, 16, 24)).astype(np.float32)}]
    before = rows(session(model), "y", feeds)
    unfolded = unfold_patches(model)
    assert "Conv" not in {node.op_type for node in unfolded.graph.node}
    np.testing.assert_allclose(rows(session(unfolded), "y", feeds), before, rtol=1e-4, atol=1e-4)


def test_a_tower_that_cannot_run_is_one_sentence() -> None:
    model = small_tower("image")
    model.graph.node[-1].op_type = "NoSuchOperator"
    with pytest.raises(ModelError, match="cannot run this tower: pull it again"):
        session(model)
