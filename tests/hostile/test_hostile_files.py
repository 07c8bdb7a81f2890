"""Files made to hurt: pixels or a refusal, within bounds of time and memory, and nothing else."""

import random

import pytest

from tests.support.images.bounded_decoding import LIMITS, SIZE, outcome
from tests.support.images.hostile_files import BOMBS, GOOD, mutated, promised
from tests.support.server.places import CAT

CUTS = (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98)


@pytest.fixture(scope="module")
def cat_pixels(cat: bytes) -> bytes:
    """The sample photo's pixels, before anything hostile."""
    return outcome(cat)


def test_there_are_files_enough() -> None:
    assert len(GOOD) > 150


@pytest.mark.parametrize("name", GOOD)
def test_a_good_file_is_decoded_and_a_cut_one_refused(name: str, cat_pixels: bytes) -> None:
    data = GOOD[name]
    whole = outcome(data)
    assert len(whole) == SIZE * SIZE * 3
    for share in CUTS:
        # A document's first page may end early; never is half a picture taken for a whole one.
        assert outcome(data[: int(len(data) * share)]) in {b"NotAnImage", whole}
    assert outcome(CAT.read_bytes()) == cat_pixels


@pytest.mark.parametrize("seed", range(20))
def test_a_changed_file_is_decoded_or_refused(seed: int, cat_pixels: bytes) -> None:
    chance = random.Random(seed)
    for data in chance.sample(list(GOOD.values()), 50):
        outcome(mutated(data, chance))
    assert outcome(CAT.read_bytes()) == cat_pixels


@pytest.mark.parametrize("name", BOMBS)
def test_no_file_costs_much_more_than_its_length(name: str, cat_pixels: bytes) -> None:
    data = BOMBS[name](19_000_000)
    assert len(data) <= LIMITS.max_bytes
    outcome(data)
    assert outcome(CAT.read_bytes()) == cat_pixels


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "BMP", "TIFF"])
def test_a_promised_size_is_judged_before_it_is_kept(format: str) -> None:
    assert outcome(promised(format, 60_000, 60_000)) == b"TooLarge"


@pytest.mark.parametrize("shape", [(1, 1_000_001), (1_000_001, 1)], ids=str)
@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF"])
def test_the_longest_side_is_judged(format: str, shape: tuple[int, int]) -> None:
    assert outcome(promised(format, *shape)) == b"TooLarge"


REFUSED = ("JPEG of comments", "JPEG of fill bytes", "TIFF of strips", "GIF of frames")


@pytest.mark.parametrize("name", REFUSED)
def test_the_refusal_says_too_large(name: str) -> None:
    assert outcome(BOMBS[name](5_000_000)) == b"TooLarge"
