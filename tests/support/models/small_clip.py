"""A CLIP of two small towers with random weights, and inputs for it."""

from functools import cache
from pathlib import Path

import numpy as np
import onnx

from imgvec_benchmarks.shapes.sizes import SMALL
from imgvec_benchmarks.shapes.text import text_tower
from imgvec_benchmarks.shapes.vision import image_tower
from imgvec_models.graphs.run import Feed
from tests.support.models.thin_clip import letters_tokenizer

START, END = SMALL.vocabulary - 2, SMALL.vocabulary - 1


@cache
def _serialised(tower: str) -> bytes:
    model = image_tower(SMALL) if tower == "image" else text_tower(SMALL)
    serialised: bytes = model.SerializeToString()
    return serialised


def small_tower(tower: str) -> onnx.ModelProto:
    """A fresh copy of the `image` or the `text` tower, as if exported."""
    return onnx.load_from_string(_serialised(tower))


def write_small_clip(folder: Path) -> None:
    """Both towers and a tokenizer of letters, as if pulled."""
    folder.mkdir(parents=True, exist_ok=True)
    for tower in ("image", "text"):
        (folder / f"{tower}.onnx").write_bytes(_serialised(tower))
    letters_tokenizer(SMALL.vocabulary).save(str(folder / "tokenizer.json"))


def small_feeds(tower: str, count: int, seed: int = 0) -> list[Feed]:
    """Random images of smooth patches, or random texts of 4 to 16 tokens: batches of one."""
    random = np.random.default_rng(seed)
    feeds: list[Feed] = []
    for _ in range(count):
        if tower == "image":
            side = SMALL.image_size
            coarse = random.normal(0, 1, (1, 3, side // 4, side // 4)).astype(np.float32)
            feeds.append({"pixel_values": coarse.repeat(4, axis=2).repeat(4, axis=3)})
        else:
            middle = random.integers(0, START, random.integers(2, SMALL.positions - 1))
            ids = np.array([[START, *middle, END]], np.int64)
            feeds.append({"input_ids": ids, "attention_mask": np.ones_like(ids)})
    return feeds
