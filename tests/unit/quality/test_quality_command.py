"""`imgvec models quality` with the encoder that ships."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from imgvec.errors import ModelError
from imgvec_models.commands import quality
from imgvec_models.quality.photos import CHANGES, NEAR_DUPLICATES
from tests.support.images.pictures import photo


@pytest.fixture(autouse=True)
def own_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A models folder without anything in it."""
    monkeypatch.setenv("IMGVEC_MODELS", str(tmp_path / "models"))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three photos and a caption of each."""
    names = ("chelsea", "coffee", "rocket")
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in names:
        photo(name, (320, 280)).save(folder / f"{name}.png")
    captions = {
        "chelsea.png": ["a cat looks at you"],
        "coffee.png": ["a cup of coffee"],
        "rocket.png": ["a rocket on its launch pad"],
    }
    (folder / "captions.json").write_text(json.dumps(captions))
    return folder


def test_the_preferred_encoder_is_measured_in_every_space(photos: Path) -> None:
    done = CliRunner().invoke(quality, ["--photos", str(photos)])
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0].startswith("starter, revision ")
    assert [line for line in lines if line.endswith(" dimensions")] == [
        "512 dimensions",
        "768 dimensions",
        "1024 dimensions",
    ]
    for change in NEAR_DUPLICATES:
        start = f"near-duplicates, {change}: rank 1 for 100.0% of 3, cosine median "
        assert sum(line.startswith(start) for line in lines) == 3
    for change in CHANGES:
        assert sum(line.startswith(f"changed, {change}: rank 1 for ") for line in lines) == 3
    assert lines.count("text to image, 3 captions, 3 photos: R@1/5/10 100.0 / 100.0 / 100.0") == 3
    for start in ("duplicate threshold", "group threshold", "match threshold"):
        assert sum(line.startswith(f"{start} ") for line in lines) == 3
    assert (
        sum(line.startswith("similarity of captions to their photos: min 0") for line in lines) == 3
    )
    assert "enlarged" not in done.output
    assert "float32" not in done.output


def test_an_encoder_that_is_not_built_is_told() -> None:
    done = CliRunner().invoke(quality, ["clip-vit-b32"])
    assert isinstance(done.exception, ModelError)
    assert str(done.exception) == (
        "clip-vit-b32 is not built: `imgvec models build clip-vit-b32` builds it"
    )


@pytest.mark.parametrize("option", ["--features", "--heads"])
def test_features_and_heads_belong_together(photos: Path, option: str) -> None:
    value = photos if option == "--features" else photos / "captions.json"
    done = CliRunner().invoke(quality, [option, str(value)])
    assert done.exit_code == 2
    assert "--features and --heads belong together" in done.output
