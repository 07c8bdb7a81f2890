"""Pixels of any geometry and tokens of any cleaner beside open_clip's own code.

It runs in an environment of its own: `make test-parity`.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL
import pytest
from numpy.typing import NDArray

from imgvec.encoders.cleaning import Cleaning
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.images.decode import ImageLimits, decode
from imgvec.types import CLIP_GEOMETRY, Geometry
from tests.support.images.every_kind import every_kind
from tests.support.models.gemma_tokenizer import PAD, gemma_tokenizer, write_for_transformers
from tests.support.models.linear_encoder import DIMENSIONS, linear_encoder, matrix, unit
from tests.support.models.odd_texts import odd_texts
from tests.support.models.peers import PYTHON, run_references

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason="NOT CHECKED: parity with open_clip; `make test-parity` does"
)
LIMITS = ImageLimits(max_bytes=50_000_000, max_pixels=50_000_000, max_frames=10)
CONTEXT = 64
SQUASHED, BILINEAR = Geometry("none", "bicubic"), Geometry("centre", "bilinear")
GEOMETRIES = {
    "SigLIP 2, 256": (256, SQUASHED),
    "SigLIP 2, 384": (384, SQUASHED),
    "SigLIP 2, 512": (512, SQUASHED),
    "MobileCLIP 2": (256, BILINEAR),
    "DFN": (224, CLIP_GEOMETRY),
}
MODES = {"none": "squash", "centre": "shortest"}
"""open_clip's words."""


@dataclass(frozen=True)
class Found:
    """What open_clip made of the pictures and texts, in their order."""

    pictures: dict[str, bytes]
    pixels: dict[str, NDArray[np.uint8]]
    texts: list[str]
    ids: dict[Cleaning, list[list[int]]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """Run open_clip over everything, once."""
    folder = tmp_path_factory.mktemp("open_clip")
    pictures, texts = every_kind(), odd_texts()
    (folder / "pictures").mkdir()
    for place, data in enumerate(pictures.values()):
        (folder / "pictures" / f"{place:02}").write_bytes(data)
    (folder / "texts.json").write_text(json.dumps(texts))
    theirs = [(size, MODES[one.crop], one.resize) for size, one in GEOMETRIES.values()]
    (folder / "geometries.json").write_text(json.dumps(theirs))
    write_for_transformers(folder / "tokenizer")
    assert run_references(folder) == 0
    written = json.loads((folder / "found.json").read_text())
    assert written["pillow"] == PIL.__version__, "another Pillow decodes and resizes otherwise"
    with np.load(folder / "pixels.npz") as pixels:
        named = {name: pixels[str(place)] for place, name in enumerate(GEOMETRIES)}
    # Its cleaners begin with ftfy, which imgvec has not.
    return Found(pictures, named, written["plain"], written["ids"])


@pytest.mark.parametrize("name", GEOMETRIES)
def test_pixels_are_open_clip_s(found: Found, name: str) -> None:
    size, geometry = GEOMETRIES[name]
    whole: list[NDArray[np.int_]] = []
    reduced: list[NDArray[np.int_]] = []
    for (kind, data), theirs in zip(found.pictures.items(), found.pixels[name], strict=True):
        ours = decode(data, size, LIMITS, geometry)
        (reduced if kind.startswith("large") else whole).append(np.abs(ours.astype(int) - theirs))
    most, mean = max(one.max() for one in whole), max(one.mean() for one in reduced)
    print(f"\n{name}: at most {most} of 255 levels; large JPEGs {mean:.2f} on average", end="")
    assert len(whole) >= 50
    assert most <= 1
    assert mean < 1


@pytest.mark.parametrize("cleaning", ["whitespace", "canonicalize"])
def test_tokens_are_open_clip_s(found: Found, tmp_path: Path, cleaning: Cleaning) -> None:
    """By the vector of a linear graph, which shows the ids."""
    text = {
        "ids": "text",
        "pad_token": PAD,
        "clean": cleaning,
        "max_tokens": CONTEXT,
        "max_characters": 10_000,
    }
    folder = linear_encoder(tmp_path / "siglip", text, tokenizer=gemma_tokenizer())
    encoder = OnnxEncoder(folder)
    other = []
    for sentence, ids in zip(found.texts, found.ids[cleaning], strict=True):
        theirs = unit(np.array(ids, np.float32) @ matrix(CONTEXT))
        if not np.allclose(encoder.encode_text(sentence, DIMENSIONS)[0], theirs, atol=1e-5):
            other.append(sentence)
    print(f"\n{cleaning}: {len(found.texts) - len(other)} of {len(found.texts)} texts", end="")
    assert not other
