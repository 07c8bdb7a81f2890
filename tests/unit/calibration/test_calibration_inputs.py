"""The photos and sentences that ship, and how they become inputs."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgvec.encoders.manifest import ImageInput, Preprocessing, TextInput
from imgvec.errors import ModelError
from imgvec_models.calibration.feeds import PHOTOS, image_feeds, sentences, text_feeds
from tests.support.models.calibration_photos import CROPS, SIDE, photos
from tests.support.models.small_clip import END, START, write_small_clip

PREPROCESSING = Preprocessing(
    version=2,
    size=32,
    resize="bicubic",
    crop="centre",
    rescale_factor=1.0,
    image_mean=(127.0, 127.0, 127.0),
    image_std=(128.0, 128.0, 128.0),
)
IMAGE = ImageInput(input="pixel_values", tokens=1)
TEXT = TextInput(ids="input_ids", mask="attention_mask", max_tokens=16, max_characters=100)


def test_the_shipped_photos_are_those_of_their_recipe() -> None:
    made = dict(photos())
    assert {path.name for path in PHOTOS.iterdir()} == set(made)
    for name, photo in made.items():
        with Image.open(PHOTOS / name) as shipped:
            difference = np.abs(np.asarray(shipped, int) - np.asarray(photo, int))
        assert difference.mean() < 8, name


def test_there_are_enough_photos_and_they_stay_small() -> None:
    sizes = [path.stat().st_size for path in PHOTOS.iterdir()]
    assert len(sizes) == sum(CROPS.values()) == 64
    assert sum(sizes) < 1_500_000


def test_no_sentence_is_empty_or_there_twice() -> None:
    found = sentences()
    assert len(set(found)) == len(found) > 250
    assert all(found)


def test_photos_become_inputs_of_the_towers_size_and_range() -> None:
    feeds = image_feeds(PREPROCESSING, IMAGE)
    stacked = np.concatenate([feed["pixel_values"] for feed in feeds])
    assert stacked.shape == (64, 3, 32, 32)
    assert stacked.dtype == np.float32
    assert -1 < stacked.min() < -0.9
    assert 0.9 < stacked.max() <= 1


def test_a_wide_photo_is_cropped_at_its_centre(tmp_path: Path) -> None:
    wide = np.zeros((SIDE, 3 * SIDE, 3), np.uint8)
    wide[:, SIDE : 2 * SIDE] = 255
    Image.fromarray(wide).save(tmp_path / "wide.png")
    (feed,) = image_feeds(PREPROCESSING, IMAGE, tmp_path)
    assert feed["pixel_values"].min() > 0.8


def test_sentences_become_unpadded_inputs(tmp_path: Path) -> None:
    write_small_clip(tmp_path)
    short, long = text_feeds(tmp_path / "tokenizer.json", TEXT, ["abc", "a" * 100])
    np.testing.assert_array_equal(short["input_ids"], [[START, 0, 1, 2, END]])
    np.testing.assert_array_equal(short["attention_mask"], np.ones((1, 5)))
    assert long["input_ids"].shape == (1, 16)
    assert long["input_ids"][0, -1] == END


@pytest.mark.parametrize("content", [None, b"{}"], ids=["missing", "no tokenizer"])
def test_a_tokenizer_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "tokenizer.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r"tokenizer\.json is missing or no tokenizer"):
        text_feeds(path, TEXT)
