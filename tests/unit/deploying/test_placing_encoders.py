"""An encoder's way into the folder that the image is built of, from a hub on loopback."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgvec.encoders.integrity import MANIFEST, read_manifest, verify
from imgvec.encoders.registry import shipped_folder
from imgvec.errors import ModelError
from imgvec_benchmarks.shapes.sizes import SMALL
from imgvec_models.hub.recipe import find_recipe, write_recipe
from infra.deploy import first_request
from infra.encoders import place_encoder
from tests.support.models.linear_encoder import NOTHING, linear_encoder
from tests.support.models.local_hub import LocalHub, serving
from tests.support.models.pinned_hub import offer

NAME = "clip-vit-b32"


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, LocalHub]]:
    """An operator's models folder with a recipe, and the hub that the recipe is of."""
    models = tmp_path_factory.mktemp("operator")
    with serving() as hub:
        offer(hub, NAME, SMALL, models)
        yield models, hub


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """`models/` of a checkout, with no encoder in it."""
    folder = tmp_path / "models"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, operator: tuple[Path, LocalHub]) -> None:
    """The operator's."""
    models, hub = operator
    monkeypatch.setenv("IMGVEC_MODELS", str(models))
    monkeypatch.setenv("IMGVEC_HUB", hub.address)


def test_pulled_and_built_once_then_copied_then_taken(
    operator: tuple[Path, LocalHub], context: Path, tmp_path: Path
) -> None:
    models, hub = operator
    first = place_encoder(NAME, context, endpoint=False)
    verify(first, context / NAME)
    assert first.name == NAME
    assert {path.name for path in context.iterdir()} == {NAME}, "nothing pulled is in the context"
    assert hub.asked, "positive control: it came from the hub"

    hub.asked.clear()
    shutil.rmtree(models / "pulled")
    again = tmp_path / "again" / "models"
    again.mkdir(parents=True)
    assert place_encoder(NAME, again, endpoint=False) == first
    (models / NAME).rename(models / "away")
    assert place_encoder(NAME, again, endpoint=False) == first
    (models / "away").rename(models / NAME)
    assert not hub.asked


def altered(folder: Path) -> None:
    """Change one byte of a graph."""
    graph = folder / "image.onnx"
    data = bytearray(graph.read_bytes())
    data[-1] ^= 1
    graph.write_bytes(data)


def test_an_altered_one_in_the_context_is_told_with_the_fix(context: Path) -> None:
    place_encoder(NAME, context, endpoint=False)
    altered(context / NAME)
    with pytest.raises(ModelError, match=rf"is altered .*Or remove {context / NAME}"):
        place_encoder(NAME, context, endpoint=False)


def test_an_altered_one_of_the_operators_is_not_copied(
    operator: tuple[Path, LocalHub], context: Path
) -> None:
    place_encoder(NAME, context, endpoint=False)
    shutil.rmtree(context / NAME)
    graph = operator[0] / NAME / "image.onnx"
    right = graph.read_bytes()
    altered(operator[0] / NAME)
    with pytest.raises(ModelError, match="is altered"):
        place_encoder(NAME, context, endpoint=False)
    graph.write_bytes(right)
    assert not (context / NAME).exists()


def test_one_that_cannot_be_pulled_says_so(
    context: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("IMGVEC_MODELS", str(tmp_path / "empty"))
    monkeypatch.setenv("IMGVEC_HUB", "http://127.0.0.1:9")
    with pytest.raises(ModelError, match="mend what is said above"):
        place_encoder(NAME, context, endpoint=False)
    said = capfd.readouterr().err.splitlines()
    assert said[-1].startswith("imgvec: Cannot reach 127.0.0.1")
    assert not any(line.startswith("imgvec models build") for line in said)


def test_an_encoder_of_any_kind_is_placed_by_its_name(
    operator: tuple[Path, LocalHub], context: Path
) -> None:
    built = linear_encoder(operator[0] / "siglip2-b16", NOTHING, dimensions=768)
    placed = place_encoder("siglip2-b16", context, endpoint=False)
    assert placed == read_manifest(built)
    verify(placed, context / "siglip2-b16")


def test_the_first_request_is_one_that_the_encoders_serve(tmp_path: Path) -> None:
    def command(*encoders: tuple[str, int]) -> str:
        folders = [
            linear_encoder(tmp_path / f"{name}-of-{len(encoders)}", NOTHING, dimensions=dimensions)
            for name, dimensions in encoders
        ]
        return first_request("https://api.example/v1", [read_manifest(one) for one in folders])

    assert "/imgembed -F key=KEY -F dimension=512 " in command(("small", 512))
    assert "dimension=1024 " in command(("small", 512), ("wide", 1024))
    middle = command(("middle", 768))
    body = json.loads(middle.rpartition("-d ")[2].strip("'"))
    assert body["model"] == "middle-of-1"
    assert "https://api.example/v1/v1/embeddings " in middle


def test_an_unpinned_recipe_is_pulled_and_not_built(
    operator: tuple[Path, LocalHub], context: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    models, _ = operator
    name = "unpinned-clip"
    recipe = find_recipe(models, NAME)
    files = {
        role: file.model_copy(update={"size": None, "sha256": None})
        for role, file in recipe.files.items()
    }
    write_recipe(recipe.model_copy(update={"name": name, "files": files}), models)
    with pytest.raises(ModelError, match="unpinned-clip is not there: mend what is said above"):
        place_encoder(name, context, endpoint=False)
    said = capfd.readouterr().err.splitlines()[-1]
    assert f"`imgvec models pin {name}`" in said
    assert not (context / name).exists()


def test_behind_an_endpoint_nothing_is_built(context: Path) -> None:
    with pytest.raises(ModelError, match=r"docs/how-to/gpu\.md"):
        place_encoder(NAME, context, endpoint=True)


def test_the_shipped_one_is_there(context: Path) -> None:
    shutil.copytree(shipped_folder() / "starter", context / "starter")
    assert place_encoder("starter", context, endpoint=True).name == "starter"
    (context / "starter" / MANIFEST).unlink()
    with pytest.raises(ModelError):
        place_encoder("starter", context, endpoint=False)
