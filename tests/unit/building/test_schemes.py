"""Which scheme a build chooses, what it says of that, and encoders without texts."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from imgvec.encoders.integrity import read_manifest, verify
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.errors import BadParameter
from imgvec_models.build.encoder import build_encoder
from imgvec_models.graphs.apart import write_apart
from imgvec_models.hub.recipe import SHIPPED, DataFile, Embeddings, Native, Recipe, read_recipe
from imgvec_models.quality.exact import ExactEncoder
from tests.support.models.small_families import GOLDEN, JOINT, SIDE

NAME = "small-siglip"


@pytest.fixture
def pulled(tmp_path: Path) -> Path:
    folder = tmp_path / "pulled"
    folder.mkdir()
    (folder / "image.onnx").write_bytes((GOLDEN / "siglip_image.onnx").read_bytes())
    return folder


def _recipe(**changes: object) -> Recipe:
    """An encoder of images only, whose tower has no pooled features."""
    shipped = read_recipe(SHIPPED / "clip-vit-l14.json")
    squashed = {"size": SIDE, "crop": "none"}
    small = {
        "name": NAME,
        "files": {"image": shipped.files["image"]},
        "preprocessing": shipped.preprocessing.model_copy(update=squashed),
        "image": shipped.image.model_copy(update={"input": "image"}),
        "text": None,
        "embeddings": Embeddings(image="embedding"),
        "native": Native(joint=JOINT),
        "spaces": (JOINT,),
    }
    return shipped.model_copy(update=small | changes)


def _picture() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)


def test_an_encoder_of_images_only_is_built_and_rejects_texts(pulled: Path) -> None:
    folder = pulled.parent / NAME
    build_encoder(pulled, _recipe(), folder)
    assert {path.name for path in folder.iterdir()} == {
        *("image.onnx", "image.onnx.data", "build.json", "manifest.json")
    }
    verify(read_manifest(folder), folder)
    exact = ExactEncoder(_recipe(), pulled)
    for encoder in (OnnxEncoder(folder), exact):
        assert not encoder.embeds_text
        with pytest.raises(BadParameter, match="embeds images only"):
            encoder.encode_text("a cat", JOINT)
    near = OnnxEncoder(folder).encode_image(_picture(), JOINT) @ exact.encode_image(
        _picture(), JOINT
    )
    assert near > 0.97


def test_a_nested_space_is_the_beginning_of_the_joint_embedding(pulled: Path) -> None:
    folder = pulled.parent / NAME
    recipe = _recipe(nested=True, spaces=(JOINT, 8))
    manifest = build_encoder(pulled, recipe, folder, scheme="plain-static")
    assert manifest.nested
    assert manifest.outputs == {f"embedding_{JOINT}": JOINT}
    for encoder in (OnnxEncoder(folder), ExactEncoder(recipe, pulled)):
        whole, short = (encoder.encode_image(_picture(), width) for width in (JOINT, 8))
        np.testing.assert_allclose(short, whole[:8] / np.linalg.norm(whole[:8]), rtol=1e-5)
        assert encoder.composed == frozenset()


def test_a_tower_that_integers_cost_too_much_keeps_its_floats_and_says_so(
    pulled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgvec_models.build.tower.LEAST_COSINE", 0.99999)
    told: list[str] = []
    folder = pulled.parent / NAME
    build_encoder(pulled, _recipe(), folder, say=told.append)
    said = [line.removeprefix("image tower: scheme ") for line in told if ": scheme " in line]
    assert [line.split(":")[0] for line in said] == [
        *("pairs-static", "pairs-dynamic", "float16-weights")
    ]
    assert [line.endswith("is under 0.99999") for line in said] == [True, True, False]
    tower = json.loads((folder / "build.json").read_text())["towers"]["image"]
    assert tower["scheme"] == {"name": "float16-weights"}
    assert set(tower["too_far_from_float32"]) == {"pairs-static", "pairs-dynamic"}
    assert tower["same_bits_on_every_x86"] is False
    assert "in floats" in tower["because"]
    exact = ExactEncoder(_recipe(), pulled).encode_image(_picture(), JOINT)
    assert OnnxEncoder(folder).encode_image(_picture(), JOINT) @ exact > 0.99999
    weights = (folder / "image.onnx.data").stat().st_size
    assert weights < 0.7 * (pulled / "image.onnx").stat().st_size


def test_weights_stored_as_float16_are_computed_with_as_float32(pulled: Path) -> None:
    folder = pulled.parent / NAME
    build_encoder(pulled, _recipe(), folder, scheme="float16-weights")
    graph = onnx.load(folder / "image.onnx", load_external_data=False).graph
    halves = {one.name for one in graph.initializer if one.data_type == onnx.TensorProto.FLOAT16}
    casts = [node for node in graph.node if node.op_type == "Cast"]
    assert len(halves) > 5
    assert halves == {node.input[0] for node in casts}
    assert {node.attribute[0].i for node in casts} == {onnx.TensorProto.FLOAT}


def test_a_build_for_a_gpu_runs_here_too(pulled: Path) -> None:
    folder = pulled.parent / NAME
    build_encoder(pulled, _recipe(), folder, scheme="float16")
    exact = ExactEncoder(_recipe(), pulled).encode_image(_picture(), JOINT)
    assert OnnxEncoder(folder).encode_image(_picture(), JOINT) @ exact > 0.9999


def test_a_tower_with_its_data_beside_it_is_built_and_the_manifest_names_both(pulled: Path) -> None:
    (pulled / "image").mkdir()
    write_apart(onnx.load(pulled / "image.onnx"), pulled / "image")
    (pulled / "image.onnx").unlink()
    graph = _recipe().files["image"].model_copy(update={"path": "visual/model.onnx"})
    data = DataFile(path="visual/model.onnx.data", size=None, sha256=None)
    recipe = _recipe(files={"image": graph.model_copy(update={"data": (data,)})})
    manifest = build_encoder(pulled, recipe, pulled.parent / NAME, scheme="plain-static")
    assert [file.path for file in manifest.sources[0].files] == [graph.path, data.path]
    OnnxEncoder(pulled.parent / NAME).encode_image(_picture(), JOINT)
    ExactEncoder(recipe, pulled).encode_image(_picture(), JOINT)
