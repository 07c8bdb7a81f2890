"""The layer and the image leave out a list, and the handlers run from what they have."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from imgvec.encoders.registry import shipped_folder
from tests.support.aws.function_process import FunctionProcess
from tests.support.aws.rest_events import authorizer_event, integration_of, response_of
from tests.support.aws.sample_events import REQUESTS, SAM_LOCAL, SECOND, make
from tests.support.server.places import ROOT

LEFT_OUT = (ROOT / "layers" / "core" / "left-out.txt").read_text().split()
DOCKERFILE = (ROOT / "functions" / "embeddings" / "Dockerfile").read_text()
FLAGS = re.DOTALL | re.MULTILINE
ANSWERED = [name for name in REQUESTS if "url" not in name or name in SECOND]
"""Events that fetch nothing."""


def of_layer(folder: Path, function: str) -> Path:
    """A zip function with the layer, which the Makefile builds; pip is left out."""
    tools = folder / "tools"
    tools.mkdir()
    (tools / "python3").symlink_to(shutil.which("true") or "/bin/true")
    subprocess.run(
        ["make", "build-CoreLayer", f"ARTIFACTS_DIR={folder}"],
        cwd=ROOT / "layers" / "core",
        env={"PATH": f"{tools}:/usr/bin:/bin"},
        capture_output=True,
        check=True,
    )
    shutil.copy(ROOT / "functions" / function / "app.py", folder / "python")
    return folder / "python"


def of_image(folder: Path) -> Path:
    """The embeddings function, by the Dockerfile's steps that copy code of ours."""
    steps = re.search(
        r"^COPY layers/core/left-out.*^COPY functions/embeddings/app.py \S+$", DOCKERFILE, FLAGS
    )
    assert steps is not None
    for step in steps[0].splitlines():
        kind, _, rest = step.partition(" ")
        if kind == "RUN":
            subprocess.run(["sh", "-c", rest], cwd=folder, check=True)
            continue
        source, target = rest.split()
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, folder / target)
        else:
            shutil.copy(ROOT / source, folder / target)
    return folder / "task"


@pytest.fixture(scope="module", params=["layer", "image"])
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact's own code, without other packages."""
    folder = tmp_path_factory.mktemp("artifact")
    return of_layer(folder, "assets") if request.param == "layer" else of_image(folder)


def environment_of(library: Path, data: Path) -> dict[str, str]:
    return {**os.environ, **SAM_LOCAL, "IMGVEC_DATA": str(data), "PYTHONPATH": str(library)}


def files_below(folder: Path) -> set[str]:
    """Relative paths, without caches."""
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {path for path in found if "__pycache__" not in path}


def test_an_artifact_has_the_library_but_what_is_left_out(library: Path) -> None:
    whole = files_below(ROOT / "layers" / "core" / "imgvec")
    out = [name.removeprefix("imgvec/") for name in LEFT_OUT]
    for name in out:
        assert any(path == name or path.startswith(f"{name}/") for path in whole), "a stale name"
    kept = {path for path in whole if not any(re.match(f"{name}(/|$)", path) for name in out)}
    assert files_below(library / "imgvec") == kept


def test_the_zip_functions_run_from_the_layer(tmp_path: Path) -> None:
    library = of_layer(tmp_path, "assets")
    environment = environment_of(library, tmp_path / "data")
    with FunctionProcess(environment, tmp_path / "log.txt", "app.handler") as assets:
        for name in ANSWERED:
            event = make(name)
            if name not in SECOND and integration_of(event["path"]) == "AssetsFunction":
                assert response_of(assets.invoke(event)).status_code == 200, name
    shutil.copy(ROOT / "functions" / "authorizer" / "app.py", library)
    with FunctionProcess(environment, tmp_path / "log.txt", "app.handler") as authorizer:
        assert "policyDocument" in authorizer.invoke(authorizer_event(make("coreviz-text")))


def test_the_embeddings_function_runs_from_the_image(tmp_path: Path) -> None:
    library = of_image(tmp_path)
    models = tmp_path / "models"
    shutil.copytree(shipped_folder() / "starter", models / "starter")
    environment = environment_of(library, tmp_path / "data") | {"IMGVEC_MODELS": str(models)}
    baking = [sys.executable, "-m", "imgvec.encoders.integrity", str(models / "starter")]
    subprocess.run(baking, env=environment, check=True)
    with FunctionProcess(environment, tmp_path / "log.txt", "app.handler") as embeddings:
        for name in ANSWERED:
            event = make(name)
            if name in SECOND or integration_of(event["path"]) == "EmbeddingsFunction":
                assert response_of(embeddings.invoke(event)).status_code == 200, name
