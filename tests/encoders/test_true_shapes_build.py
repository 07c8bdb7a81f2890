"""Each family at its true shape as integers: near float32, under the bound, and how much faster.

The weights are random, so what is near shows that nothing breaks, and says nothing of accuracy.
"""

import json
import os
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnxruntime import InferenceSession, SessionOptions

from imgvec_models.build.encoder import build_encoder
from imgvec_models.calibration.feeds import PHOTOS, image_feeds, photo_paths, text_feeds
from imgvec_models.graphs.run import Feed
from imgvec_models.hub.files import pulled_folder
from imgvec_models.hub.recipe import Recipe, find_recipe
from tests.encoders.test_whole_way import CHOSEN, models_command, peers
from tests.support.models.peers import PYTHON

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason="NOT CHECKED: other families; `make test-encoders` does"
)
EVERY = 4
"""One photo of so many is calibrated on: 16 are enough, and the build takes a third of the time."""
RUNS = 15


@dataclass(frozen=True)
class Built:
    """An encoder as pulled and as built."""

    name: str
    recipe: Recipe
    models: Path
    towers: dict[str, Any]
    """Of the record of the build."""


@pytest.fixture(scope="module", params=CHOSEN)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    name: str = request.param
    folder = tmp_path_factory.mktemp(name)
    peers(name, str(folder))
    (source,) = (folder / "open_clip").iterdir()
    models, photos = folder / "models", folder / "photos"
    photos.mkdir()
    for path in photo_paths(PHOTOS)[::EVERY]:
        shutil.copy(path, photos)
    environment = {**os.environ, "IMGVEC_MODELS": str(models)}
    repository = f"open_clip/{source.name}"
    models_command(environment, "pull", repository, "--name", name, "--from", str(folder))
    recipe = find_recipe(models, name)
    build_encoder(pulled_folder(models, name), recipe, models / name, photos=photos)
    record = json.loads((models / name / "build.json").read_text())
    return Built(name, recipe, models, record["towers"])


def test_each_tower_is_near_float32_under_the_bound_and_says_how_it_was_made(built: Built) -> None:
    assert set(built.towers) == {"image", "text"}
    for name, tower in built.towers.items():
        least = min(one["minimum"] for one in tower["cosine_to_source"].values())
        print(f"\n{built.name} {name}: {tower['scheme']['name']}, {tower['pairs']}, {least:.4f}")
        assert least >= 0.98
        assert tower["violations"] == 0
        if tower["scheme"]["name"] == "pairs-static":
            assert tower["same_bits_on_every_x86"] is True


def test_it_is_a_third_of_the_bytes_and_faster(built: Built) -> None:
    """Times are printed, not judged: another machine's are others."""
    for tower, float32, integers in _graphs(built):
        pulled, served = (_bytes(path) for path in (float32, integers))
        feed = _feed(built, tower)
        narrow = {
            name: one.astype(np.int32) if one.dtype == np.int64 else one
            for name, one in feed.items()
        }
        before, after = _milliseconds([_run(float32, narrow), _run(integers, feed)])
        print(
            f"\n{built.name} {tower}: {pulled / 1e6:.1f} MB {before:.1f} ms, "
            f"{served / 1e6:.1f} MB {after:.1f} ms, {before / after:.2f} times faster"
        )
        assert served < pulled / 2.9


def _graphs(built: Built) -> Iterator[tuple[str, Path, Path]]:
    pulled = pulled_folder(built.models, built.name)
    yield (
        "image",
        pulled / built.recipe.local_path("image"),
        built.models / built.name / "image.onnx",
    )
    yield "text", pulled / built.recipe.local_path("text"), built.models / built.name / "text.onnx"


def _feed(built: Built, tower: str) -> Feed:
    if tower == "image":
        return image_feeds(built.recipe.preprocessing, built.recipe.image)[0]
    assert built.recipe.text is not None
    tokenizer = built.models / built.name / "tokenizer.json"
    return text_feeds(tokenizer, built.recipe.text, ["a dog on a beach"])[0]


def _bytes(graph: Path) -> int:
    return sum(path.stat().st_size for path in graph.parent.glob(f"{graph.name}*"))


def _run(graph: Path, feed: Feed) -> Callable[[], object]:
    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    opened = InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    output = opened.get_outputs()[-1].name
    return lambda: opened.run([output], dict(feed))


def _milliseconds(runs: list[Callable[[], object]]) -> list[float]:
    """Medians of processor time, the runs in turns."""
    taken: list[list[float]] = [[] for _ in runs]
    for _ in range(RUNS):
        for run, times in zip(runs, taken, strict=True):
            start = time.process_time()
            run()
            times.append(1000 * (time.process_time() - start))
    return [statistics.median(times[1:]) for times in taken]
