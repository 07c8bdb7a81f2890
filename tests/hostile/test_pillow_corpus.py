"""Pillow's own test images, what its fuzzers found among them: pixels or a refusal, in bounds."""

import random

import pytest

from tests.support.images.bounded_decoding import outcome
from tests.support.images.hostile_files import mutated
from tests.support.images.pillow_source import NoArchive, pillow_images

READ = ("bmp", "gif", "jpeg", "jpg", "mpo", "png", "apng", "tif", "tiff", "webp")


@pytest.fixture(scope="module")
def corpus() -> dict[str, bytes]:
    """The images by path; skips loudly where they cannot be had."""
    try:
        return pillow_images()
    except NoArchive as reason:
        pytest.skip(f"NOT REPLAYED: Pillow's test images: {reason}")


@pytest.fixture(scope="module")
def cat_pixels(cat: bytes) -> bytes:
    """The sample photo's pixels, before anything hostile."""
    return outcome(cat)


def test_every_file_is_decoded_or_refused(
    corpus: dict[str, bytes], cat: bytes, cat_pixels: bytes
) -> None:
    outcomes = {path: outcome(data) for path, data in corpus.items()}
    refused = sum(len(found) < 100 for found in outcomes.values())
    assert len(outcomes) > 500
    assert 100 < refused < len(outcomes) - 100, "positive control: both happen"
    assert outcome(cat) == cat_pixels


def test_every_file_changed_and_cut(
    corpus: dict[str, bytes], cat: bytes, cat_pixels: bytes
) -> None:
    chance = random.Random(0)
    for path, data in corpus.items():
        if path.endswith(READ) and 0 < len(data) < 100_000:
            outcome(mutated(data, chance))
            outcome(data[: chance.randrange(len(data))])
    assert outcome(cat) == cat_pixels
