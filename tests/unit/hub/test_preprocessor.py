"""What a pulled tower's authors say of its preprocessing agrees with the recipe, or is refused."""

import hashlib
import json
from pathlib import Path

import pytest

from imgvec.errors import ModelError
from imgvec_models.hub.preprocessor import require_preprocessing
from imgvec_models.hub.recipe import find_recipe
from tests.support.models.hub_preprocessor import preprocessor_config

RECIPE = find_recipe(Path("absent"), "clip-vit-b32")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """B/32's own file."""
    path = tmp_path / "preprocessor.json"
    path.write_bytes(preprocessor_config(RECIPE.preprocessing))
    return path


def test_the_pinned_file_agrees_with_its_recipe(path: Path) -> None:
    data, pinned = path.read_bytes(), RECIPE.files["preprocessor"]
    assert (len(data), hashlib.sha256(data).hexdigest()) == (pinned.size, pinned.sha256)
    require_preprocessing(path, RECIPE.preprocessing)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", {"shortest_edge": 225}),
        ("resample", 2),
        ("crop_size", {"height": 224, "width": 223}),
        ("rescale_factor", 1 / 256),
        ("image_mean", [0.5, 0.5, 0.5]),
        ("image_std", [0.5, 0.5, 0.5]),
    ],
)
def test_another_value_is_refused_by_name(path: Path, field: str, value: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    with pytest.raises(ModelError) as problem:
        require_preprocessing(path, RECIPE.preprocessing)
    assert str(problem.value) == f"{path} has another {field} than the recipe: correct the recipe"


@pytest.mark.parametrize("field", ["do_resize", "do_center_crop", "do_rescale", "do_normalize"])
def test_a_step_that_is_left_out_is_refused_by_name(path: Path, field: str) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: False}))
    with pytest.raises(ModelError) as problem:
        require_preprocessing(path, RECIPE.preprocessing)
    assert str(problem.value) == (
        f"{path} is not how a CLIP prepares pictures ({field}: Input should be True): "
        "correct the recipe"
    )


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is missing or unreadable: pull it again"):
        require_preprocessing(tmp_path / "preprocessor.json", RECIPE.preprocessing)


SIGLIP = find_recipe(Path("absent"), "siglip2-b16")


@pytest.fixture
def config() -> dict[str, object]:
    """SigLIP 2's `preprocess_cfg.json`, as open_clip writes it."""
    return {
        "size": [224, 224],
        "mode": "RGB",
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "interpolation": "bicubic",
        "resize_mode": "squash",
        "fill_color": 0,
    }


def test_open_clip_s_file_agrees_with_its_recipe(config: dict[str, object], path: Path) -> None:
    path.write_text(json.dumps(config))
    require_preprocessing(path, SIGLIP.preprocessing)


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("size", 256, "size"),
        ("mean", [0.4, 0.5, 0.5], "image_mean"),
        ("std", [0.4, 0.5, 0.5], "image_std"),
        ("interpolation", "bilinear", "resize"),
        ("resize_mode", "shortest", "crop"),
    ],
)
def test_open_clip_s_file_may_not_say_otherwise(
    config: dict[str, object], path: Path, field: str, value: object, named: str
) -> None:
    path.write_text(json.dumps({**config, field: value}))
    with pytest.raises(ModelError, match=rf"has another {named} than the recipe: correct the"):
        require_preprocessing(path, SIGLIP.preprocessing)
