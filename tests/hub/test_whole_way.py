"""From the hub to all four dialects: pinned, pulled, built, verified and served."""

import base64
import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from starlette.testclient import TestClient

from imgvec.app import create_app
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.encoders.registry import load_encoders
from imgvec.errors import ModelError
from imgvec.images.decode import ImageLimits, decode
from imgvec.settings import load_settings
from imgvec_models.hub.recipe import find_recipe, write_recipe
from tests.support.images.pictures import PHOTOS, photo
from tests.support.models.local_hub import resolve_path, serving
from tests.support.models.thin_clip import SHAPES, shaped_files, shaped_recipe
from tests.support.server.places import create_key, imgvec

TEXT = "/serve/api/v2/embeddings/text"
IMAGE = "/serve/api/v2/embeddings/image"
B32, L14 = "clip-vit-b32", "clip-vit-l14"
TIE = 1e-5
LIMITS = ImageLimits(max_bytes=10_000_000, max_pixels=10_000_000, max_frames=1)


@dataclass
class Way:
    """A models folder with both encoders, and what the commands said on the way."""

    environment: dict[str, str]
    models: Path
    said: dict[str, str] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)
    """What each command wrote to standard error, by its arguments."""

    def run(self, *arguments: str) -> str:
        """Run `imgvec models`; gives its output, or its one sentence if it refuses."""
        done = imgvec("models", *arguments, environment=self.environment)
        assert done.returncode in (0, 1, 2)
        self.told[" ".join(arguments)] = done.stderr
        return done.stderr if done.returncode == 2 else done.stdout


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    """Go the whole way with both encoders, by the command line and over HTTP."""
    models = tmp_path_factory.mktemp("way") / "models"
    own = {name: value for name, value in os.environ.items() if not name.startswith("IMGVEC_")}
    with serving() as hub:
        environment = {**own, "IMGVEC_MODELS": str(models), "IMGVEC_HUB": hub.address}
        way = Way({**environment, "IMGVEC_DATA": str(models.parent / "data")}, models)
        for name, clip in SHAPES.items():
            recipe = shaped_recipe(name, clip)
            write_recipe(recipe, models)
            for role, data in shaped_files(recipe, clip).items():
                hub.files[resolve_path(recipe.files[role])] = data
            way.said[f"pull {name}"] = way.run("pull", name)
            way.said[f"unpinned {name}"] = way.run("verify", name)
            way.said[f"refused {name}"] = way.run("build", name)
            way.said[f"pin {name}"] = way.run("pin", name)
            way.said[f"build {name}"] = way.run("build", name)
            way.said[f"verify {name}"] = way.run("verify", name)
        yield way


@contextmanager
def client(way: Way, encoders: str) -> Iterator[httpx2.Client]:
    """The application with these encoders, and a key."""
    environment = {**way.environment, "IMGVEC_ENCODERS": encoders}
    key, _ = create_key("someone", environment)
    headers = {"x-api-key": key, "Authorization": key, "WWW-Authenticate": key}
    with TestClient(create_app(load_settings(environment)), headers=headers) as client:
        yield client


def ask(client: httpx2.Client, cat: bytes, dimensions: int) -> dict[str, httpx2.Response]:
    """The same photo and a text in one width, by every route that has the width."""
    upload = {"file": ("cat.jpg", cat)}
    asks: dict[str, tuple[str, dict[str, Any]]] = {
        "img-embed": ("/imgembed", {"files": upload, "data": {"dimension": dimensions}}),
        "text": (
            TEXT,
            {
                "json": {
                    "input": "a cat",
                    "model": "gemini-embedding-001",
                    "dimensionality": dimensions,
                }
            },
        ),
    }
    if dimensions == 768:
        del asks["img-embed"]
        data = "data:image/jpeg;base64," + _base64(cat)
        asks["coreviz image"] = ("/api/ai/embed", {"json": {"image": data}})
        asks["coreviz text"] = ("/api/ai/embed", {"json": {"text": "a cat"}})
    else:
        model = "mobileclip" if dimensions == 512 else "multimodalembedding@001"
        asks["pix-llm"] = ("/llmimgembed", {"json": {"img": _base64(cat), "dimension": dimensions}})
        asks["memories"] = (IMAGE, {"files": upload, "data": {"model": model}})
    return {name: client.post(path, **content) for name, (path, content) in asks.items()}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def vector(answer: httpx2.Response) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """The vector of any dialect's answer."""
    content = answer.json()
    found = content.get("embedding") or content["data"]
    if isinstance(found, list) and isinstance(found[0], dict):
        found = found[0]
    return np.array(found["embedding"] if isinstance(found, dict) else found, np.float32)


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_unpinned_is_pulled_and_not_built(way: Way, name: str) -> None:
    assert way.said[f"pull {name}"].count("unpinned\n") == len(find_recipe(way.models, name).files)
    assert "has no digest in its recipe" in way.said[f"unpinned {name}"]
    assert f"not pinned: `imgvec models pin {name}` writes" in way.said[f"refused {name}"]


@pytest.mark.parametrize("name", SHAPES)
def test_pinning_prints_what_it_writes(way: Way, name: str) -> None:
    for role, file in find_recipe(way.models, name).files.items():
        assert (
            f"{role:10}{file.size:>12} bytes  {file.sha256}  pinned now" in way.said[f"pin {name}"]
        )


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_built_verifies(way: Way, name: str) -> None:
    revision = OnnxEncoder(way.models / name).revision
    assert way.said[f"build {name}"] == f"{name} {revision}\n"
    lines = way.said[f"verify {name}"].splitlines()
    assert lines[-1] == f"{name}, built: as it should be"
    assert all(line.endswith(": as it should be") for line in lines)
    assert {path.name for path in (way.models / name).iterdir()} == {
        "build.json",
        "image.onnx",
        "image.onnx.data",
        "manifest.json",
        "text.onnx",
        "text.onnx.data",
        "tokenizer.json",
    }


@pytest.mark.parametrize("name", SHAPES)
def test_a_build_tells_how_far_it_is(way: Way, name: str) -> None:
    lines = way.told[f"build {name}"].splitlines()
    assert lines[0] == f"Building {name}: this takes some minutes"
    for tower in ("image", "text"):
        assert sum(line.startswith(f"{tower} tower: layer ") for line in lines) > 5


def test_nothing_of_the_building_is_left(way: Way) -> None:
    assert not list(way.models.glob("pulled/*/building-*"))


def test_b32_alone_serves_every_dialect_in_every_width(way: Way, cat: bytes) -> None:
    with client(way, B32) as served:
        for dimensions in (512, 768, 1024):
            check_one_space(ask(served, cat, dimensions), B32, dimensions)


def test_l14_alone_serves_the_models_of_its_dimensions(way: Way, cat: bytes) -> None:
    with client(way, L14) as served:
        for dimensions in (768, 1024):
            check_one_space(ask(served, cat, dimensions), L14, dimensions)
        for answer in ask(served, cat, 512).values():
            assert answer.status_code == 400


def test_both_serve_each_width_by_the_first_that_gives_it(way: Way, cat: bytes) -> None:
    with client(way, f"{L14},{B32}") as served:
        for dimensions, name in ((512, B32), (768, L14), (1024, L14)):
            check_one_space(ask(served, cat, dimensions), name, dimensions)
    with client(way, f"{B32},{L14}") as served:
        for dimensions in (512, 768, 1024):
            check_one_space(ask(served, cat, dimensions), B32, dimensions)


def check_one_space(answers: dict[str, httpx2.Response], name: str, dimensions: int) -> None:
    """Unit vectors of this width by this encoder; one for the photo and one for the text."""
    for answer in answers.values():
        assert answer.status_code == 200, answer.text
        assert answer.headers["X-Embedding-Model"] == name
        assert answer.headers["X-Embedding-Dimensions"] == str(dimensions)
        assert vector(answer).shape == (dimensions,)
        assert abs(np.linalg.norm(vector(answer)) - 1) < 1e-5
    texts = {vector(one).tobytes() for kind, one in answers.items() if kind.endswith("text")}
    images = {vector(one).tobytes() for kind, one in answers.items() if not kind.endswith("text")}
    assert (len(texts), len(images)) == (1, 1)


@pytest.mark.parametrize("name", SHAPES)
def test_texts_rank_images_the_same_in_every_space(way: Way, name: str) -> None:
    (encoder,) = load_encoders(load_settings({**way.environment, "IMGVEC_ENCODERS": name}))
    pixels = [decode(_png(one), encoder.image_size, LIMITS) for one in PHOTOS]
    texts = ["a cat", "a rocket", "coffee", "xyz", "an astronaut smiles", ""]
    scores = []
    for dimensions in sorted(encoder.dimensions):
        images = np.stack([encoder.encode_image(one, dimensions) for one in pixels])
        queries = np.stack([encoder.encode_text(one, dimensions)[0] for one in texts])
        scores.append(queries @ images.T)
    ahead = [score[:, :, None] - score[:, None, :] for score in scores]
    # Of random weights some photos are all but equal to a text: no order that rounding keeps.
    clear = np.abs(ahead[0]) > TIE
    assert clear.mean() > 0.5, "positive control: most pairs of photos have an order"
    for composed, further in zip(scores[1:], ahead[1:], strict=True):
        assert (np.sign(further) == np.sign(ahead[0]))[clear].all()
        np.testing.assert_allclose(composed, scores[0] / np.sqrt(2), atol=1e-5)


def _png(name: str) -> bytes:
    file = io.BytesIO()
    photo(name, (96, 64)).save(file, "PNG")
    return file.getvalue()


def test_an_altered_build_is_told_and_not_served(way: Way, tmp_path: Path) -> None:
    shutil.copytree(way.models / B32, tmp_path / B32)
    graph = tmp_path / B32 / "image.onnx"
    data = bytearray(graph.read_bytes())
    data[len(data) // 2] ^= 1
    graph.write_bytes(data)
    altered = Way({**way.environment, "IMGVEC_MODELS": str(tmp_path)}, tmp_path)
    sentence = (
        f"{graph} is altered (SHA-256 differs from the manifest): "
        f"build it again with `imgvec models build {B32}`"
    )
    assert altered.run("verify", B32) == f"{B32}, built: {sentence}\n"
    with pytest.raises(ModelError) as problem, client(altered, B32):
        pass
    assert str(problem.value) == sentence


def test_an_altered_source_is_not_built(way: Way) -> None:
    path = way.models / "pulled" / B32 / "text.onnx"
    right = path.read_bytes()
    path.write_bytes(right[:-1] + bytes([right[-1] ^ 1]))
    told = way.run("build", B32)
    path.write_bytes(right)
    assert told == (
        f"imgvec: {path} is missing or not as the recipe says: "
        f"pull it with `imgvec models pull {B32}`\n"
    )
