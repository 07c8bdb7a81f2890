"""Both native outputs, and the wider spaces made of them."""

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from imgvec.errors import ModelError
from imgvec_benchmarks.shapes.sizes import SMALL
from imgvec_models.graphs.compose import compose, orthonormal, output_name
from imgvec_models.graphs.edit import Graph
from imgvec_models.graphs.native import NativeOutputs, find_native
from imgvec_models.graphs.run import rows, session
from tests.support.models.small_clip import small_feeds, small_tower

WIDTHS = (SMALL.joint, SMALL.joint + 16, SMALL.joint + 32)
EMBEDDINGS = {"image": "image_embeds", "text": "text_embeds"}


def _composed(tower: str) -> onnx.ModelProto:
    model = small_tower(tower)
    native = find_native(model, EMBEDDINGS[tower])
    return compose(model, native, WIDTHS, "image" if tower == "image" else "text")


def _vectors(tower: str, output: str, count: int = 20) -> NDArray[np.float32]:
    return rows(session(_composed(tower)), output, small_feeds(tower, count))


@pytest.mark.parametrize(
    ("tower", "pooled"),
    [("image", SMALL.image.width), ("text", SMALL.text.width)],
    ids=["image", "text"],
)
def test_both_native_outputs_are_found_by_structure(tower: str, pooled: int) -> None:
    native = find_native(small_tower(tower), EMBEDDINGS[tower])
    assert (native.pooled_width, native.joint_width) == (pooled, SMALL.joint)


@pytest.mark.parametrize("tower", ["image", "text"])
def test_the_joint_output_is_the_sources_embedding(tower: str) -> None:
    source = rows(session(small_tower(tower)), EMBEDDINGS[tower], small_feeds(tower, 5))
    np.testing.assert_allclose(_vectors(tower, "joint", 5), source, rtol=1e-4, atol=1e-4)


def test_the_pooled_output_is_the_projections_input() -> None:
    graph = Graph(small_tower("image"))
    projection = graph.constant("onnx::MatMul_projection")
    assert projection is not None
    pooled, joint = _vectors("image", "pooled", 5), _vectors("image", "joint", 5)
    np.testing.assert_allclose(pooled @ projection.astype(np.float32), joint, rtol=1e-4, atol=1e-4)


def test_a_normalised_export_has_its_projection_found() -> None:
    model = small_tower("image")
    model.graph.node.append(helper.make_node("LpNormalization", ["image_embeds"], ["unit"], axis=1))
    model.graph.output.append(helper.make_tensor_value_info("unit", TensorProto.FLOAT, None))
    assert find_native(model, "unit") == find_native(small_tower("image"), "image_embeds")


@pytest.mark.parametrize(
    ("output", "word"),
    [
        ("nothing", "image_embeds, last_hidden_state"),
        ("last_hidden_state", "no embedding of each input"),
    ],
    ids=["no such output", "no vector"],
)
def test_another_output_is_refused(output: str, word: str) -> None:
    with pytest.raises(ModelError, match=word):
        find_native(small_tower("image"), output)


@pytest.mark.parametrize("tower", ["image", "text"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_space_has_unit_vectors_of_its_width(tower: str, width: int) -> None:
    vectors = _vectors(tower, output_name(width), 3)
    assert vectors.shape == (3, width)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)


def test_an_image_is_half_joint_embedding_and_half_features() -> None:
    narrow, wide = _vectors("image", output_name(WIDTHS[0])), _vectors("image", "embedding_64")
    half = np.float32(0.5**0.5)
    np.testing.assert_allclose(wide[:, : SMALL.joint], narrow * half, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(np.linalg.norm(wide[:, SMALL.joint :], axis=1), half, rtol=1e-5)


def test_a_text_is_its_joint_embedding_and_zeros() -> None:
    narrow, wide = _vectors("text", output_name(WIDTHS[0])), _vectors("text", "embedding_64")
    np.testing.assert_array_equal(wide[:, : SMALL.joint], narrow)
    assert not wide[:, SMALL.joint :].any()


@pytest.mark.parametrize("width", WIDTHS[1:])
def test_texts_rank_images_alike_in_every_space(width: int) -> None:
    def similarities(output: str) -> NDArray[np.float32]:
        return _vectors("text", output, 20) @ _vectors("image", output, 20).T

    joint, wide = similarities(output_name(SMALL.joint)), similarities(output_name(width))
    np.testing.assert_allclose(wide, joint * 0.5**0.5, atol=1e-6)
    np.testing.assert_array_equal(wide.argsort(axis=1), joint.argsort(axis=1))


def test_the_projection_is_the_same_each_time_and_orthonormal() -> None:
    matrix = orthonormal(64, 16)
    np.testing.assert_array_equal(matrix, orthonormal(64, 16))
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(16), atol=1e-6)


@pytest.mark.parametrize("width", [16, SMALL.joint + SMALL.image.width + 1], ids=["less", "more"])
def test_a_width_that_cannot_be_filled_is_refused(width: int) -> None:
    native = NativeOutputs("pooled", SMALL.image.width, "joint", SMALL.joint)
    with pytest.raises(ModelError, match=f"no space of {width}"):
        compose(small_tower("image"), native, [width], "image")
