"""The float32 graphs of the starter: their ends, padding, and a pruned vocabulary."""

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from imgvec_models.graphs.run import Feed, rows, session
from imgvec_models.shapes.nodes import Nodes
from imgvec_models.starter.head import Head, Heads, add_head
from imgvec_models.starter.image import STAGES, image_graph
from imgvec_models.starter.text import LAYERS, text_graph

Array = NDArray[np.float32]
RANDOM = np.random.default_rng(0)
BLOCK = 256


def _normal(*shape: int) -> Array:
    return RANDOM.normal(0, 0.05, shape).astype(np.float32)


def _head(taken: int, hidden: int) -> Head:
    def linear(inputs: int, outputs: int) -> tuple[Array, Array]:
        return _normal(outputs, inputs), _normal(outputs)

    return Head(linear(taken, 1024), linear(taken, hidden), linear(hidden, 1024))


HEADS = Heads(_head(1280, 32), _head(384, 32), _normal(1280), 1 + np.abs(_normal(1280)))


def _embedded(head: Head, x: Array, offset: float | None, raised: bool) -> Array:
    nodes = Nodes(17)
    add_head(nodes, head, "x", offset, raised)
    model = nodes.model(
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", x.shape[1]])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 1024])],
    )
    return rows(session(model), "embedding", [{"x": x}])


def _formula(head: Head, x: Array) -> Array:
    """y = W x + W2 relu(W1 x)."""
    hidden = np.maximum(x @ head.a[0].T + head.a[1], 0)
    y: Array = x @ head.lin[0].T + head.lin[1] + hidden @ head.b[0].T + head.b[1]
    return y


def test_a_head_without_layout_is_its_formula_normalised() -> None:
    head, x = _head(20, 8), RANDOM.normal(size=(5, 20)).astype(np.float32)
    y = _formula(head, x)
    expected = y / np.linalg.norm(y, axis=1, keepdims=True)
    np.testing.assert_allclose(_embedded(head, x, None, True), expected, atol=1e-6)


def test_an_offset_raises_similarities_of_images_alike_in_every_prefix() -> None:
    head, x = _head(20, 8), RANDOM.normal(size=(6, 20)).astype(np.float32)
    flat, offset = _embedded(head, x, 0.0, True), 0.6
    high = _embedded(head, x, offset, True)
    for blocks in (2, 3, 4):
        low, up = (v[:, : blocks * BLOCK] * (4 / blocks) ** 0.5 for v in (flat, high))
        np.testing.assert_allclose(np.linalg.norm(up, axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(up @ up.T, (low @ low.T + offset) / (1 + offset), atol=1e-5)


def test_a_text_keeps_its_ranking_of_raised_images() -> None:
    head, x = _head(20, 8), RANDOM.normal(size=(6, 20)).astype(np.float32)
    text = _embedded(head, RANDOM.normal(size=(1, 20)).astype(np.float32), 0.6, False)
    flat, high = _embedded(head, x, 0.0, True), _embedded(head, x, 0.6, True)
    np.testing.assert_allclose(high @ text.T, flat @ text.T / 1.6**0.5, atol=1e-6)


def _bert() -> dict[str, Array]:
    """Weights of all-MiniLM-L6-v2's names and widths, with 50 tokens."""
    found = {
        "embeddings.word_embeddings.weight": _normal(50, 384) * 20,
        "embeddings.position_embeddings.weight": _normal(64, 384),
        "embeddings.token_type_embeddings.weight": _normal(2, 384),
    }
    linears = {"embeddings.LayerNorm": 0}
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        linears |= {f"{name}.attention.self.{part}": 384 for part in ("query", "key", "value")}
        linears |= {f"{name}.attention.output.dense": 384, f"{name}.intermediate.dense": 384}
        linears |= {f"{name}.output.dense": 1536}
        linears |= {f"{name}.{part}.LayerNorm": 0 for part in ("attention.output", "output")}
    for name, inputs in linears.items():
        outputs = 1536 if name.endswith("intermediate.dense") else 384
        found[f"{name}.weight"] = _normal(outputs, inputs) if inputs else 1 + _normal(outputs)
        found[f"{name}.bias"] = _normal(outputs)
    return found


BERT = _bert()


def _text(*ids: list[int], length: int | None = None) -> Feed:
    longest = length or max(map(len, ids))
    padded = [row + [0] * (longest - len(row)) for row in ids]
    seen = [[1] * len(row) + [0] * (longest - len(row)) for row in ids]
    return {"input_ids": np.array(padded), "attention_mask": np.array(seen)}


def test_texts_depend_neither_on_padding_nor_on_batch_mates() -> None:
    opened = session(text_graph(BERT, HEADS))
    alone = rows(opened, "embedding", [_text([1, 7, 2]), _text([1, 9, 9, 30, 2])])
    together = rows(opened, "embedding", [_text([1, 7, 2], [1, 9, 9, 30, 2], length=9)])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_pruned_vocabulary_gives_kept_tokens_the_same_vectors() -> None:
    kept = [0, 1, 2, 7, 30]
    whole = rows(session(text_graph(BERT, HEADS)), "embedding", [_text([1, 7, 30, 2])])
    pruned = text_graph(BERT, HEADS, vocabulary=kept)
    ours = rows(session(pruned), "embedding", [_text([kept.index(n) for n in (1, 7, 30, 2)])])
    np.testing.assert_allclose(ours, whole, atol=1e-6)


def test_word_order_matters() -> None:
    opened = session(text_graph(BERT, HEADS))
    one, other = rows(opened, "embedding", [_text([1, 7, 9, 2]), _text([1, 9, 7, 2])])
    assert np.abs(one - other).max() > 1e-4


def _efficientnet(width: int = 8) -> dict[str, Array]:
    """Weights of EfficientNet-Lite2's names, strides and kernels, with few channels."""
    found: dict[str, Array] = {}

    def convolution(name: str, norm: str, outputs: int, inputs: int, side: int) -> None:
        found[f"{name}.weight"] = _normal(outputs, inputs, side, side) * 4
        found[f"{norm}.weight"] = 1 + _normal(outputs)
        found[f"{norm}.bias"] = _normal(outputs)
        found[f"{norm}.running_mean"] = _normal(outputs)
        found[f"{norm}.running_var"] = 1 + np.abs(_normal(outputs))

    convolution("_conv_stem", "_bn0", width, 3, 3)
    block = 0
    for stage, (blocks, _) in enumerate(STAGES):
        side = 5 if stage in (2, 4, 5) else 3
        for _ in range(blocks):
            name, inner = f"_blocks.{block}", width if stage == 0 else 2 * width
            if stage:
                convolution(f"{name}._expand_conv", f"{name}._bn0", inner, width, 1)
            convolution(f"{name}._depthwise_conv", f"{name}._bn1", inner, 1, side)
            convolution(f"{name}._project_conv", f"{name}._bn2", width, inner, 1)
            block += 1
    convolution("_conv_head", "_bn1", 1280, width, 1)
    return found


@pytest.fixture(scope="module")
def image_model() -> onnx.ModelProto:
    return image_graph(_efficientnet(), HEADS)


def test_the_image_graph_ends_in_a_grid_of_nine_by_nine(image_model: onnx.ModelProto) -> None:
    onnx.checker.check_model(image_model, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(image_model)
    (last,) = (v for v in inferred.graph.value_info if v.name.startswith("_conv_head.relu6"))
    assert [dim.dim_value for dim in last.type.tensor_type.shape.dim][1:] == [1280, 9, 9]


def test_the_image_graph_ends_in_its_head(image_model: onnx.ModelProto) -> None:
    feed: Feed = {"pixel_values": RANDOM.normal(size=(1, 3, 260, 260)).astype(np.float32)}
    opened = session(image_model)
    pooled = rows(opened, "pooled", [feed])
    y = _formula(HEADS.image, (pooled - HEADS.mean) / HEADS.std)
    expected = y / np.linalg.norm(y, axis=1, keepdims=True)
    np.testing.assert_allclose(rows(opened, "embedding", [feed]), expected, atol=1e-5)


def test_blocks_that_keep_size_and_width_are_skipped_around(image_model: onnx.ModelProto) -> None:
    skips = [node.name for node in image_model.graph.node if node.name.endswith(".add")]
    strided = sum(stride == 2 for _, stride in STAGES)
    assert len(skips) == sum(blocks for blocks, _ in STAGES) - strided
