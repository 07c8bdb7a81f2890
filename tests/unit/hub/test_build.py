"""Building: refused, replaced whole, or left as it was."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from imgvec.encoders.onnx import OnnxEncoder
from imgvec.encoders.registry import find_folders
from imgvec.errors import ModelError
from imgvec_benchmarks.shapes.sizes import SMALL
from imgvec_models.build import tower
from imgvec_models.hub.build import Demands, build
from imgvec_models.hub.check import Finding, check_all, check_one
from imgvec_models.hub.files import pulled_folder
from imgvec_models.hub.recipe import Native, Recipe, find_recipe, write_recipe
from imgvec_models.quality import judge
from imgvec_models.quality.exact import ExactEncoder
from imgvec_models.quality.judge import Given
from imgvec_models.quality.report import report
from tests.support.images.pictures import photo
from tests.support.models.hub_preprocessor import preprocessor_config
from tests.support.models.small_clip import write_small_clip

NAME = "small-clip"


@pytest.fixture(scope="module", autouse=True)
def lenient() -> Iterator[None]:
    """Random weights lose more as integers than trained ones; how much is another test's matter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tower, "LEAST_COSINE", 0.9)
        patch.setattr(judge, "LEAST_COSINE", 0.9)
        yield


@pytest.fixture(scope="module")
def models(lenient: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with the small CLIP pulled, built and among the recipes."""
    models = tmp_path_factory.mktemp("models")
    write_small_clip(pulled_folder(models, NAME))
    shipped = find_recipe(models, "clip-vit-b32")
    preprocessing = shipped.preprocessing.model_copy(update={"size": SMALL.image_size})
    (pulled_folder(models, NAME) / "preprocessor.json").write_bytes(
        preprocessor_config(preprocessing)
    )
    files = {
        role: file.model_copy(
            update={
                "size": None,
                "sha256": hashlib.sha256(
                    (pulled_folder(models, NAME) / shipped.local_path(role)).read_bytes()
                ).hexdigest(),
            }
        )
        for role, file in shipped.files.items()
    }
    assert shipped.text is not None
    recipe = shipped.model_copy(
        update={
            "name": NAME,
            "files": files,
            "preprocessing": preprocessing,
            "text": shipped.text.model_copy(update={"max_tokens": SMALL.positions}),
            "native": Native(pooled=SMALL.image.width, joint=SMALL.joint),
            "spaces": (32, 48),
        }
    )
    write_recipe(recipe, models)
    build(recipe, models, Demands(), ignore)
    return models


@pytest.fixture
def recipe(models: Path) -> Recipe:
    return find_recipe(models, NAME)


def ignore(sentence: str) -> None:
    """Nobody waits."""


def test_a_build_is_found_and_can_be_loaded(models: Path) -> None:
    assert find_folders(models)[NAME] == models / NAME
    assert OnnxEncoder(models / NAME).dimensions == {32, 48}


def test_everything_of_it_is_as_it_should_be(models: Path) -> None:
    assert check_one(models, NAME) == [
        Finding(f"{NAME}, pulled image.onnx", None),
        Finding(f"{NAME}, pulled text.onnx", None),
        Finding(f"{NAME}, pulled tokenizer.json", None),
        Finding(f"{NAME}, pulled preprocessor.json", None),
        Finding(f"{NAME}, built", None),
    ]
    assert Finding("starter, built", None) in check_all(models)


def test_what_is_neither_pulled_nor_built_cannot_be_checked(models: Path) -> None:
    with pytest.raises(ModelError, match=r"'clip-vit-l14' is built .*`imgvec models pull"):
        check_one(models, "clip-vit-l14")


@pytest.mark.parametrize("expected", ["0123456789ab", ""])
def test_another_revision_is_refused_and_what_was_there_stays(
    models: Path, recipe: Recipe, expected: str
) -> None:
    before = OnnxEncoder(models / NAME).revision
    with pytest.raises(ModelError) as problem:
        build(recipe, models, Demands(revision=expected), ignore)
    assert str(problem.value) == (
        f"The build has the revision {before}, not {expected}: "
        "carry the other build here instead, vectors of two builds do not mix"
    )
    assert OnnxEncoder(models / NAME).revision == before
    assert not list(pulled_folder(models, NAME).glob("building-*"))


def test_a_second_build_replaces_the_first_by_the_same(models: Path, recipe: Recipe) -> None:
    before = OnnxEncoder(models / NAME).revision
    (models / NAME / "image.onnx").write_bytes(b"altered")
    (pulled_folder(models, NAME) / "building-killed" / NAME).mkdir(parents=True)
    assert build(recipe, models, Demands(revision=before[:12]), ignore).revision == before
    assert OnnxEncoder(models / NAME).revision == before
    assert not list(pulled_folder(models, NAME).glob("building-*"))


def test_what_is_not_pinned_is_not_built_unless_told(models: Path, recipe: Recipe) -> None:
    text = recipe.files["text"].model_copy(update={"sha256": None})
    unpinned = recipe.model_copy(update={"files": {**recipe.files, "text": text}})
    with pytest.raises(ModelError) as problem:
        build(unpinned, models, Demands(), ignore)
    assert str(problem.value) == (
        "text of small-clip is not pinned: `imgvec models pin small-clip` writes the digests, "
        "--allow-unpinned builds without"
    )
    assert build(unpinned, models, Demands(unpinned=True), ignore).name == NAME


def test_another_preprocessing_than_the_tower_s_is_not_built(models: Path, recipe: Recipe) -> None:
    other = recipe.preprocessing.model_copy(update={"image_mean": (0.5, 0.5, 0.5)})
    with pytest.raises(ModelError, match="has another image_mean than the recipe"):
        build(recipe.model_copy(update={"preprocessing": other}), models, Demands(), ignore)


def test_an_altered_file_is_not_built(models: Path, recipe: Recipe) -> None:
    path = pulled_folder(models, NAME) / "tokenizer.json"
    right = path.read_bytes()
    path.write_bytes(right + b" ")
    try:
        with pytest.raises(ModelError, match=r"tokenizer.json is missing or not as the recipe"):
            build(recipe, models, Demands(), ignore)
        assert [one.what for one in check_one(models, NAME) if one.problem] == [
            f"{NAME}, pulled tokenizer.json"
        ]
    finally:
        path.write_bytes(right)


def test_a_recipe_that_no_longer_parses_is_a_finding(models: Path, recipe: Recipe) -> None:
    path = models / "recipes" / f"{NAME}.json"
    right = path.read_bytes()
    path.write_bytes(b"{}")
    try:
        first = check_one(models, NAME)[0]
    finally:
        path.write_bytes(right)
    assert first.what == f"{NAME}, recipe"
    assert first.problem is not None
    assert "is broken" in first.problem


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of three photos with captions, in two folders of their classes."""
    captions = {}
    for kind, name in (("cat", "chelsea"), ("cat", "flower"), ("rocket", "rocket")):
        (tmp_path / "labelled" / kind).mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos").mkdir(exist_ok=True)
        photo(name, (80, 60)).save(tmp_path / "labelled" / kind / f"{name}.png")
        photo(name, (80, 60)).save(tmp_path / "photos" / f"{name}.png")
        captions[f"{name}.png"] = [f"a {name}", f"one {kind}"]
    (tmp_path / "photos" / "captions.json").write_text(json.dumps(captions))
    return tmp_path


def given(photos: Path) -> Given:
    return Given(photos / "photos", photos / "labelled")


def test_the_float32_towers_stand_beside_the_build(models: Path, recipe: Recipe) -> None:
    exact = ExactEncoder(recipe, pulled_folder(models, NAME))
    built = OnnxEncoder(models / NAME)
    pixels = np.asarray(photo("chelsea", (32, 32)))
    for dimensions in (32, 48):
        image = exact.encode_image(pixels, dimensions) @ built.encode_image(pixels, dimensions)
        (one, count), (other, same) = (
            encoder.encode_text("a cat", dimensions) for encoder in (exact, built)
        )
        assert (count, count) == (same, 7)
        assert 0.9 < image < 1 - 1e-6
        assert 0.9 < one @ other < 1 - 1e-6


def test_a_build_that_is_as_good_on_given_photos_is_put_in_place(
    models: Path, recipe: Recipe, photos: Path
) -> None:
    assert build(recipe, models, Demands(given=given(photos)), ignore).name == NAME


@pytest.mark.parametrize(
    ("limit", "value", "told"),
    [
        ("LEAST_COSINE", 1.01, "loses too much at 32: int8 against float32, 3 photos: cosine min"),
        ("MOST_LOST", -1.0, "loses too much at 32: int8, 2 classes, 3 photos: zero-shot"),
    ],
)
def test_a_build_that_loses_too_much_on_given_photos_is_not(
    models: Path,
    recipe: Recipe,
    photos: Path,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
    value: float,
    told: str,
) -> None:
    before = (models / NAME / "manifest.json").stat().st_ino
    monkeypatch.setattr(judge, limit, value)
    with pytest.raises(ModelError, match=told):
        build(recipe, models, Demands(given=given(photos)), ignore)
    assert (models / NAME / "manifest.json").stat().st_ino == before


def test_the_report_has_every_figure_in_every_space(models: Path, photos: Path) -> None:
    lines = [one.line for one in report(models / NAME, models, given(photos), large=1)]
    assert lines[0].endswith(": 3 photos")
    starts = [
        "files: image ",
        "encoding: ",
        "decoding: ",
        "yardstick: ",
        "decoding, enlarged: ",
        "near-duplicates, JPEG q30: rank 1 for ",
        "near-duplicates, brightness: rank 1 for ",
        "duplicate threshold ",
        "group threshold ",
        "text to image, 6 captions, 3 photos: R@1/5/10 ",
        "image to text, 6 captions, 3 photos: R@1/5/10 ",
        "int8 against float32, 3 photos: cosine min ",
        "float32, 2 classes, 3 photos: zero-shot ",
        "int8, 2 classes, 3 photos: zero-shot ",
    ]
    for start in starts[:5]:
        assert sum(line.startswith(start) for line in lines) == 1, start
    for start in starts[5:]:
        assert sum(line.startswith(start) for line in lines) == 2, start


def test_without_the_pulled_files_there_is_nothing_to_compare_with(
    models: Path, photos: Path, tmp_path: Path
) -> None:
    lines = [one.line for one in report(models / NAME, tmp_path, given(photos), large=0)]
    assert not [line for line in lines if "float32" in line]
    assert sum(line.startswith("2 classes, 3 photos: zero-shot ") for line in lines) == 2


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[]", "is no JSON object of lists of captions"),
        ("{", "is no JSON object of lists of captions"),
        ('{"chelsea.png": ["a cat"]}', "has no captions of 'flower.png'"),
    ],
)
def test_captions_that_are_of_no_use_are_told(
    models: Path, photos: Path, content: str, told: str
) -> None:
    (photos / "photos" / "captions.json").write_text(content)
    with pytest.raises(ModelError, match=told):
        next(report(models / NAME, models, given(photos), large=0))
