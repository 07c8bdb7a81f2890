"""Each family at its true shape, from the export to a vector over HTTP: `make test-encoders`.

The weights are random. The build keeps weights in half precision, which is quick; that integers
stay near is measured by test_true_shapes_build.py.
"""

import json
import os
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import numpy as np
import pytest
from numpy.typing import NDArray

from imgvec.encoders.onnx import normaliser
from imgvec.images.decode import ImageLimits, decode
from imgvec_models.hub.files import pulled_folder
from imgvec_models.hub.recipe import Recipe, find_recipe, recipe_name
from imgvec_models.quality.exact import ExactEncoder
from tests.support.images.pictures import PHOTOS, encoded, photo
from tests.support.models.local_hub import serving as serving_hub
from tests.support.models.peers import PYTHON
from tests.support.server.command_line import run_forked
from tests.support.server.places import ROOT, create_key, serving

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason="NOT CHECKED: other families; `make test-encoders` does"
)
FAMILIES = ("b32", "rn50", "mobileclip2", "siglip2", "xlmr")
CHOSEN = os.environ.get("FAMILIES", " ".join(FAMILIES)).split()
COMMIT = "89abcdef0123456789abcdef0123456789abcdef"
LIMITS = ImageLimits(max_bytes=10_000_000, max_pixels=10_000_000, max_frames=1)
TEXTS = ["a cat", "Two DOGS, on a beach!", "", "  many   spaces ", "word " * 200]
LEAST_FLOAT32, LEAST_SERVED = 0.99999, 0.999


@dataclass(frozen=True)
class Way:
    """A family that went all the way, and PyTorch's vectors of the same inputs."""

    environment: dict[str, str]
    models: Path
    recipe: Recipe
    pictures: list[bytes]
    images: NDArray[np.float32]
    texts: NDArray[np.float32]


def peers(*arguments: str) -> None:
    """Run the references in the environment that has PyTorch; no hub is asked."""
    path = os.pathsep.join(["layers/core", "models", "."])
    subprocess.run(
        [PYTHON, "-m", "tests.encoders.references", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1"},
        check=True,
    )


def models_command(environment: dict[str, str], *arguments: str) -> None:
    """`imgvec models`, for as long as it takes."""
    done = run_forked("models", *arguments, environment=environment, seconds=1800)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module", params=CHOSEN)
def way(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    """Export, offer on a local hub, pull, pin, verify, build."""
    folder = tmp_path_factory.mktemp(request.param)
    peers(request.param, str(folder))
    (source,) = (folder / "open_clip").iterdir()
    repository = f"immich-app/{source.name}"
    models = folder / "models"
    own = {name: value for name, value in os.environ.items() if not name.startswith("IMGVEC_")}
    with serving_hub() as hub:
        environment = {
            **own,
            "IMGVEC_MODELS": str(models),
            "IMGVEC_HUB": hub.address,
            "IMGVEC_DATA": str(folder / "data"),
        }
        hub.newest[repository] = COMMIT
        for path in filter(Path.is_file, source.rglob("*")):
            place = path.relative_to(source).as_posix()
            hub.files[f"{repository}/resolve/{COMMIT}/{place}"] = path.read_bytes()
        models_command(environment, "pull", repository)
        name = recipe_name(repository)
        models_command(environment, "pin", name)
    models_command(environment, "verify", name)
    models_command(environment, "build", name, "--scheme", "float16-weights")
    recipe = find_recipe(models, name)
    taken, normalise = recipe.preprocessing, normaliser(recipe.preprocessing)
    pictures = [encoded(photo(one), "PNG") for one in PHOTOS]
    pixels = [decode(one, taken.size, LIMITS, taken.geometry) for one in pictures]
    np.save(folder / "pixels.npy", np.concatenate([normalise(one) for one in pixels]))
    (folder / "texts.json").write_text(json.dumps(TEXTS))
    peers(request.param, str(folder))
    with np.load(folder / "vectors.npz") as found:
        yield Way(environment, models, recipe, pictures, found["images"], found["texts"])


def report(way: Way, kind: str, images: list[float], texts: list[float]) -> None:
    print(
        f"\n{way.recipe.name}, {kind}: least cosine to PyTorch, images {min(images):.6f}, "
        f"texts {min(texts):.6f}",
        end="",
    )


def test_float32_is_open_clip_s(way: Way) -> None:
    exact = ExactEncoder(way.recipe, pulled_folder(way.models, way.recipe.name))
    joint, taken = way.recipe.native.joint, way.recipe.preprocessing
    images = [
        float(exact.encode_image(decode(data, taken.size, LIMITS, taken.geometry), joint) @ theirs)
        for data, theirs in zip(way.pictures, way.images, strict=True)
    ]
    texts = [
        float(exact.encode_text(text, joint)[0] @ theirs)
        for text, theirs in zip(TEXTS, way.texts, strict=True)
    ]
    report(way, "float32", images, texts)
    assert min(images) > LEAST_FLOAT32
    assert min(texts) > LEAST_FLOAT32


def test_vectors_over_http_are_open_clip_s(way: Way) -> None:
    name, joint = way.recipe.name, way.recipe.native.joint
    environment = {**way.environment, "IMGVEC_ENCODERS": name}
    key, _ = create_key("someone", environment)
    links = [f"data:image/png;base64,{b64encode(data).decode()}" for data in way.pictures]
    inputs = [*({"image": link} for link in links), *({"text": text} for text in TEXTS if text)]
    with serving(environment) as running:
        answer = httpx2.post(
            f"{running.address}/v1/embeddings",
            headers={"Authorization": f"Bearer {key}"},
            json={"model": name, "input": inputs, "dimensions": joint},
            timeout=300,
        )
    assert answer.status_code == 200, answer.text
    vectors = np.array([one["embedding"] for one in answer.json()["data"]])
    named = [theirs for text, theirs in zip(TEXTS, way.texts, strict=True) if text]
    near = (vectors * np.concatenate([way.images, named])).sum(axis=1).tolist()
    report(way, "served", near[: len(links)], near[len(links) :])
    assert min(near) > LEAST_SERVED
