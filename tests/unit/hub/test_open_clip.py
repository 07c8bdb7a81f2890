"""Towers as PyTorch exports open_clip's model, which is the form of L/14's."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from imgvec.encoders.onnx import OnnxEncoder
from imgvec_models.build.encoder import FLOAT16, RECORD, build_encoder
from imgvec_models.graphs.load import load
from imgvec_models.graphs.native import find_native
from imgvec_models.hub.recipe import Recipe
from imgvec_models.quality.exact import ExactEncoder
from imgvec_models.quantisation.scheme import DEFAULT
from tests.support.images.pictures import photo
from tests.support.models.golden_clip import (
    GOLDEN,
    SIZE,
    TOKENS,
    VOCABULARY,
    golden_recipe,
    write_golden,
)


@pytest.fixture(scope="module")
def pulled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both towers and a tokenizer, as if pulled."""
    folder = tmp_path_factory.mktemp("pulled")
    write_golden(folder)
    return folder


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    """That of L/14, with the towers' sizes."""
    return golden_recipe()


@pytest.mark.parametrize("tower", ["image", "text"])
def test_both_native_outputs_are_found(tower: str) -> None:
    native = find_native(load(GOLDEN, f"open_clip_{tower}.onnx"), "embedding")
    assert (native.pooled_width, native.joint_width) == (16, 8)


def test_the_composed_towers_give_the_export_s_own_vectors(pulled: Path, recipe: Recipe) -> None:
    exact = ExactEncoder(recipe, pulled)
    theirs = onnxruntime.InferenceSession(pulled / "text.onnx")
    ids = np.full((1, TOKENS), VOCABULARY - 1, np.int32)
    ids[0, :4] = [VOCABULARY - 2, 2, 0, 19]
    (expected,) = theirs.run(["embedding"], {"text": ids})
    vector, _ = exact.encode_text("cat", 8)
    np.testing.assert_allclose(vector, expected[0], atol=1e-6)


@pytest.mark.parametrize("scheme", [DEFAULT, FLOAT16])
def test_a_build_serves_both_dimensions_and_keeps_to_float32(
    pulled: Path, recipe: Recipe, tmp_path: Path, scheme: str
) -> None:
    build_encoder(pulled, recipe, tmp_path / recipe.name, scheme)
    built, exact = OnnxEncoder(tmp_path / recipe.name), ExactEncoder(recipe, pulled)
    pixels = np.asarray(photo("chelsea", (SIZE, SIZE)))
    for dimensions in (8, 16):
        image = built.encode_image(pixels, dimensions)
        assert image @ exact.encode_image(pixels, dimensions) > 0.99
        text, count = built.encode_text("a cat", dimensions)
        assert text @ exact.encode_text("a cat", dimensions)[0] > 0.99
        assert count == 7
        for result in built.encode_images([(pixels, dimensions)] * 3):
            np.testing.assert_array_equal(result, image)


@pytest.mark.parametrize(("tower", "layers"), [("image", 9), ("text", 8)])
def test_every_matrix_of_the_blocks_becomes_integers(
    pulled: Path, recipe: Recipe, tmp_path: Path, tower: str, layers: int
) -> None:
    """Four in each block, and an image tower's patches."""
    build_encoder(pulled, recipe, tmp_path / recipe.name)
    record = json.loads((tmp_path / recipe.name / RECORD).read_text())
    assert record["towers"][tower]["pairs"].startswith(f"{layers} integer layers")
