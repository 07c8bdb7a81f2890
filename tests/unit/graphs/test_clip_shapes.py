"""Random towers of CLIP's shape behave like trained ones, and are made once."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from imgvec_benchmarks.shapes import write_towers
from imgvec_benchmarks.shapes.sizes import B32, L14, SMALL, Clip
from imgvec_models.graphs.run import rows, session
from tests.support.models.small_clip import small_feeds, small_tower


@pytest.mark.parametrize(
    ("clip", "parameters"),
    [(B32, 87_849_216), (L14, 303_966_208)],
    ids=["ViT-B/32", "ViT-L/14"],
)
def test_the_image_towers_have_the_published_sizes(clip: Clip, parameters: int) -> None:
    """The numbers are those of OpenAI's checkpoints, `visual.*`."""
    width, layers = clip.image.width, clip.image.layers
    block = 12 * width**2 + 13 * width
    patches = 3 * clip.patch**2 * width
    positions = (2 + clip.patches) * width
    assert layers * block + patches + positions + 4 * width + width * clip.joint == parameters


@pytest.mark.parametrize("tower", ["image", "text"])
def test_towers_are_valid_and_the_same_each_time(tower: str) -> None:
    model = small_tower(tower)
    onnx.checker.check_model(model, full_check=True)
    assert [one.version for one in model.opset_import] == [14]


@pytest.mark.parametrize("tower", ["image", "text"])
def test_different_inputs_get_different_vectors(tower: str) -> None:
    output = f"{tower}_embeds"
    vectors = rows(session(small_tower(tower)), output, small_feeds(tower, 30))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    near = (unit @ unit.T)[np.triu_indices(30, 1)]
    assert np.median(near) < 0.95


def test_a_text_does_not_see_what_comes_after_its_end_mark() -> None:
    opened = session(small_tower("text"))
    feed = min(small_feeds("text", 5), key=lambda one: one["input_ids"].size)
    longer = np.pad(feed["input_ids"], ((0, 0), (0, 2)), constant_values=7)
    after = {"input_ids": longer, "attention_mask": np.ones_like(longer)}
    alone, beside = (rows(opened, "text_embeds", [one]) for one in (feed, after))
    np.testing.assert_allclose(beside, alone, rtol=1e-4, atol=1e-5)


def test_towers_are_written_once(tmp_path: Path) -> None:
    write_towers(SMALL, tmp_path)
    written = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    write_towers(SMALL, tmp_path)
    assert written == {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert set(written) == {"image.onnx", "text.onnx"}
    inputs = onnx.load(tmp_path / "image.onnx").graph.input
    assert inputs[0].type.tensor_type.shape.dim[2].dim_value == SMALL.image_size
