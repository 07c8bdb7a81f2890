"""`imgvec models export` in the environment with PyTorch, and the commands that it prints."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Final

import pytest

from imgvec_models.hub.recipe import find_recipe
from tests.support.models.peers import PYTHON
from tests.support.server.places import ROOT, imgvec

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason="NOT CHECKED: exports; `make test-encoders` does"
)
SMALL: Final = {
    "model_cfg": {
        "embed_dim": 32,
        "vision_cfg": {
            "image_size": 32,
            "layers": 2,
            "width": 64,
            "head_width": 16,
            "patch_size": 8,
        },
        "text_cfg": {
            "context_length": 16,
            "vocab_size": 49408,
            "width": 32,
            "heads": 2,
            "layers": 2,
        },
    },
    "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "resize_mode": "squash"},
}
LARGE: Final = """
import imgvec_models.export.tower as tower
from imgvec.cli import main

tower.LARGEST = 1000
main()
"""
"""The command, for which every graph is too large for one file."""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("IMGVEC_")}
    path = os.pathsep.join(str(ROOT / name) for name in ("layers/core", "models"))
    local = {"IMGVEC_MODELS": str(tmp_path / "models"), "IMGVEC_DATA": str(tmp_path / "data")}
    return {**own, **local, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1"}


@pytest.fixture
def small(tmp_path: Path) -> str:
    """A small model of open_clip's without weights, by the name that exports it."""
    folder = tmp_path / "small-clip"
    folder.mkdir()
    (folder / "open_clip_config.json").write_text(json.dumps(SMALL))
    return f"open_clip:local-dir:{folder}"


def export(
    environment: dict[str, str], *arguments: str, start: tuple[str, ...] = ("-m", "imgvec")
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PYTHON, *start, "models", "export", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def follow(environment: dict[str, str], said: str) -> None:
    """Run the commands that were printed, as a person does."""
    lines = re.findall(r"(?:Next|then): (.+)", said)
    commands = [one for line in lines for one in line.split(" && ")]
    assert [shlex.split(one)[:3] for one in commands] == [
        ["imgvec", "models", "pull"],
        ["imgvec", "models", "pin"],
        ["imgvec", "models", "build"],
    ]
    for command in commands:
        done = imgvec(*shlex.split(command)[1:], environment=environment)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("start", "local"),
    [(("-m", "imgvec"), "image.onnx"), (("-c", LARGE), "image/model.onnx")],
    ids=["one file", "weights beside the graph"],
)
def test_the_commands_that_it_prints_build_the_export(
    environment: dict[str, str], small: str, tmp_path: Path, start: tuple[str, ...], local: str
) -> None:
    done = export(environment, small, start=start)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(f"RANDOM WEIGHTS: {small} names none")
    assert done.stdout == f"{tmp_path / 'models/exported/open_clip/small-clip__random'}\n"
    follow(environment, done.stderr)
    recipe = find_recipe(tmp_path / "models", "small-clip-random")
    assert recipe.local_path("image") == local
    assert (recipe.native.joint, recipe.native.pooled) == (32, 64)
    assert (tmp_path / "models" / recipe.name / "manifest.json").is_file()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Nothing/", "imgvec: open_clip has no model 'Nothing'"),
        ("RN50/nothing", "has no weights 'nothing' of RN50; there are: openai, yfcc15m, cc12m\n"),
        (
            "ViT-B-32/laion2b_s34b_b79k",
            "imgvec: open_clip cannot read ViT-B-32: Failed to download",
        ),
        ("local-dir:/nothing", "open_clip_config.json is missing or no configuration of open_clip"),
    ],
)
def test_an_export_that_cannot_be_is_one_sentence(
    environment: dict[str, str], name: str, sentence: str
) -> None:
    done = export(environment, f"open_clip:{name}")
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr.splitlines(keepends=True)[-1]
    assert "Traceback" not in done.stderr
