"""From towers as pulled to an encoder that serves every space."""

import json
from functools import cache
from pathlib import Path
from shutil import copytree
from tempfile import mkdtemp

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from imgvec.encoders.integrity import read_manifest, verify
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.errors import ModelError
from imgvec_benchmarks.shapes.sizes import SMALL
from imgvec_models.build.encoder import build_encoder
from imgvec_models.graphs.load import OURS, load
from imgvec_models.hub.recipe import SHIPPED, Native, Recipe, read_recipe
from tests.support.models.small_clip import write_small_clip

JOINT, WIDE = SMALL.joint, 2 * SMALL.joint
NAME = "small-clip"


def _recipe(**changes: object) -> Recipe:
    shipped = read_recipe(SHIPPED / "clip-vit-b32.json")
    assert shipped.text is not None
    small = {
        "name": NAME,
        "preprocessing": shipped.preprocessing.model_copy(update={"size": SMALL.image_size}),
        "text": shipped.text.model_copy(update={"max_tokens": SMALL.positions}),
        "native": Native(pooled=SMALL.image.width, joint=JOINT),
        "spaces": (JOINT, 48, WIDE),
        # Its size is another than CLIP's, and so would be its preprocessor_config.json.
        "files": {role: file for role, file in shipped.files.items() if role != "preprocessor"},
    }
    return shipped.model_copy(update=small | changes)


@cache
def _built_once() -> Path:
    """One build for all tests that only read it."""
    folder = Path(mkdtemp(prefix="small-clip-"))
    write_small_clip(folder / "pulled")
    build_encoder(folder / "pulled", _recipe(), folder / NAME)
    return folder / NAME


@pytest.fixture
def pulled(tmp_path: Path) -> Path:
    write_small_clip(tmp_path / "pulled")
    return tmp_path / "pulled"


def _pictures(count: int) -> list[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
    random = np.random.default_rng(0)
    side = SMALL.image_size
    return [random.integers(0, 256, (side, side, 3)).astype(np.uint8) for _ in range(count)]


def test_a_built_encoder_verifies_and_serves_every_space() -> None:
    folder = _built_once()
    verify(read_manifest(folder), folder)
    encoder = OnnxEncoder(folder)
    assert encoder.dimensions == {JOINT, 48, WIDE}
    for width in encoder.dimensions:
        vector = encoder.encode_image(_pictures(1)[0], width)
        assert vector.shape == (width,)
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_texts_rank_pictures_alike_in_every_space() -> None:
    encoder = OnnxEncoder(_built_once())
    pictures = _pictures(20)
    for text in ("a cat", "two dogs", ""):
        rankings = []
        for width in (JOINT, 48, WIDE):
            words, _ = encoder.encode_text(text, width)
            near = [float(encoder.encode_image(one, width) @ words) for one in pictures]
            rankings.append(np.argsort(near).tolist())
        assert rankings[0] == rankings[1] == rankings[2]


def test_a_wider_space_tells_pictures_apart_by_more_than_the_joint_one() -> None:
    encoder = OnnxEncoder(_built_once())
    one, other = _pictures(2)
    near = {
        width: float(encoder.encode_image(one, width) @ encoder.encode_image(other, width))
        for width in (JOINT, WIDE)
    }
    assert near[JOINT] != pytest.approx(near[WIDE], abs=1e-3)


def test_the_record_says_how_it_was_made_and_that_it_is_exact() -> None:
    record = json.loads((_built_once() / "build.json").read_text())
    assert record["scheme"] == "auto"
    for tower in record["towers"].values():
        assert tower["scheme"]["name"] == "pairs-static"
        assert tower["too_far_from_float32"] == {}
        assert tower["same_bits_on_every_x86"] is True
        assert tower["quantised_here"] is True
        assert tower["violations"] == 0
        assert set(tower["cosine_to_source"]) == {"embedding_32", "embedding_48", "embedding_64"}
        assert all(one["minimum"] >= 0.98 for one in tower["cosine_to_source"].values())


def test_the_manifest_names_what_was_pulled(pulled: Path) -> None:
    manifest = read_manifest(_built_once())
    sizes = {file.size for source in manifest.sources for file in source.files}
    assert {(pulled / f"{tower}.onnx").stat().st_size for tower in ("image", "text")} <= sizes
    assert {source.repository for source in manifest.sources} == {
        "Qdrant/clip-ViT-B-32-vision",
        "Qdrant/clip-ViT-B-32-text",
    }


def test_a_build_is_smaller_than_its_source(pulled: Path) -> None:
    built = sum(path.stat().st_size for path in _built_once().glob("image.onnx*"))
    assert built < 0.4 * (pulled / "image.onnx").stat().st_size


def test_a_build_keeps_its_weights_where_they_are_mapped() -> None:
    folder = _built_once()
    assert {path.name for path in folder.iterdir()} == {
        *("image.onnx", "image.onnx.data", "text.onnx", "text.onnx.data"),
        *("build.json", "manifest.json", "tokenizer.json"),
    }
    for graph in (read_manifest(folder).files.image, read_manifest(folder).files.text):
        assert graph is not None
        assert graph.weights is not None
        assert graph.size < 0.5 * graph.weights.size
        modes = {(folder / one.path).stat().st_mode for one in (graph, graph.weights)}
        assert len(modes) == 1, "whoever may read the one may read the other"


def test_a_build_that_loses_too_much_fails_and_serves_nothing(
    pulled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = pulled.parent / NAME
    copytree(_built_once(), out)
    monkeypatch.setattr("imgvec_models.build.tower.LEAST_COSINE", 0.9999999)
    with pytest.raises(ModelError, match=r"loses too much as int8: least .* pairs-static 0"):
        build_encoder(pulled, _recipe(), out, scheme="pairs-static")
    with pytest.raises(ModelError):
        read_manifest(out)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"native": Native(pooled=96, joint=JOINT)}, "96, 32 and 32"),
        ({"spaces": (16,)}, "no space of 16"),
        ({"spaces": (JOINT + SMALL.image.width + 1,)}, "no space of 97"),
    ],
    ids=["other towers", "under the joint width", "more than there is"],
)
def test_a_recipe_that_does_not_fit_is_refused(
    pulled: Path, changes: dict[str, object], word: str
) -> None:
    with pytest.raises(ModelError, match=word):
        build_encoder(pulled, _recipe(**changes), pulled.parent / NAME, scheme="plain-static")


def test_an_unknown_scheme_is_refused(pulled: Path) -> None:
    with pytest.raises(ModelError, match="no scheme 'best'; there are: auto, pairs-static"):
        build_encoder(pulled, _recipe(), pulled.parent / NAME, scheme="best")


def test_photos_of_ones_own_are_taken(pulled: Path) -> None:
    with pytest.raises(ModelError, match="has no photos"):
        build_encoder(pulled, _recipe(), pulled.parent / NAME, photos=pulled)


def test_each_stage_and_each_layer_is_told(pulled: Path) -> None:
    told: list[str] = []
    build_encoder(pulled, _recipe(), pulled.parent / NAME, scheme="plain-static", say=told.append)
    for tower, inputs in (("image", 64), ("text", 294)):
        lines = [line.removeprefix(f"{tower} tower: ") for line in told if line.startswith(tower)]
        layers = len(lines) - 3
        assert layers > 10, "positive control: a line for each layer"
        assert lines == [
            f"float32 vectors of {inputs} inputs",
            *(f"layer {place} of {layers}" for place in range(1, layers + 1)),
            "int8 vectors, to compare",
            lines[-1],
        ]
        assert lines[-1].startswith("scheme plain-static: least cosine 0.9")
    assert all(line.startswith(("image tower: ", "text tower: ")) for line in told)


def test_a_source_that_is_quantised_already_is_composed_as_it_is(pulled: Path) -> None:
    for tower in ("image", "text"):
        path = pulled / f"{tower}.onnx"
        quantize_dynamic(path, path, op_types_to_quantize=["MatMul"], weight_type=QuantType.QUInt8)
    out = pulled.parent / NAME
    build_encoder(pulled, _recipe(), out)
    record = json.loads((out / "build.json").read_text())
    assert [tower["quantised_here"] for tower in record["towers"].values()] == [False, False]
    assert OnnxEncoder(out).dimensions == {JOINT, 48, WIDE}


def test_a_text_tower_without_a_mask_is_served_with_one(pulled: Path) -> None:
    path = pulled / "text.onnx"
    model = onnx.load(path)
    model.graph.input.remove(model.graph.input[1])
    model.graph.initializer.append(numpy_helper.from_array(np.ones((1, 1), np.int64), "seen"))
    cast = next(node for node in model.graph.node if "attention_mask" in node.input)
    cast.input[0] = "seen"
    onnx.save(model, path)
    out = pulled.parent / NAME
    build_encoder(pulled, _recipe(), out, scheme="plain-static")
    served = load(out, "text.onnx", OURS, "text.onnx.data")
    taken = [tensor.name for tensor in served.graph.input]
    assert taken == ["input_ids", "attention_mask"]
    OnnxEncoder(out).encode_text("a cat", WIDE)


def test_a_tower_with_unknown_inputs_is_refused(pulled: Path) -> None:
    recipe = _recipe()
    assert recipe.text is not None
    other = recipe.text.model_copy(update={"mask": "mask"})
    with pytest.raises(ModelError, match="takes attention_mask, input_ids, and input_ids, mask"):
        build_encoder(pulled, _recipe(text=other), pulled.parent / NAME, scheme="plain-static")


def test_float16_is_another_revision_near_to_float32_in_any_company(pulled: Path) -> None:
    halved = pulled.parent / "half" / NAME
    build_encoder(pulled, _recipe(), halved, scheme="float16")
    record = json.loads((halved / "build.json").read_text())
    for tower in record["towers"].values():
        assert tower["quantised_here"] is False
        assert all(one["minimum"] > 0.9999 for one in tower["cosine_to_source"].values())
    assert read_manifest(halved).revision != read_manifest(_built_once()).revision
    encoder = OnnxEncoder(halved)
    batch = [(one, WIDE) for one in _pictures(8)]
    for (pixels, width), together in zip(batch, encoder.encode_images(batch), strict=True):
        assert isinstance(together, np.ndarray)
        assert float(together @ encoder.encode_image(pixels, width)) > 0.99999


def test_float16_is_not_made_of_integers(pulled: Path) -> None:
    path = pulled / "image.onnx"
    quantize_dynamic(path, path, op_types_to_quantize=["MatMul"], weight_type=QuantType.QUInt8)
    with pytest.raises(ModelError, match="is of integers already"):
        build_encoder(pulled, _recipe(), pulled.parent / NAME, scheme="float16")
