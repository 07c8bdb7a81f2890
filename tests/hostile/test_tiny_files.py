"""A file of 1 kB costs at most 0.3 s of a core; pictures of one colour are decoded."""

import time
from contextlib import suppress

import pytest
from PIL import Image

from imgvec.errors import NotAnImage, TooLarge
from imgvec.images.decode import decode
from tests.support.images.bounded_decoding import LIMITS, SIZE, seconds_of
from tests.support.images.pictures import encoded
from tests.support.images.tiny_files import MOST_BYTES, TINY

SECONDS = 0.3
"""Of processor time; the dearest takes 0.25 s."""
SHARE = 24
"""How many times 100,000 reads, on a machine that is slower: 16 where a processor of AVX2 alone has
nothing else to do."""
SIDES = (3460, 7000)
"""12 million pixels, which a file of any length may have, and 49 million."""

FLAT = [
    ("PNG", "RGB", (1000, 1000), {}),
    ("PNG", "RGB", (4000, 3000), {}),
    ("PNG", "1", (4000, 3000), {}),
    ("PNG", "RGB", (7000, 7000), {}),
    ("PNG", "1", (7000, 7000), {}),
    ("WEBP", "RGB", (4000, 3000), {"lossless": True}),
    ("WEBP", "RGB", (7000, 7000), {}),
    ("GIF", "P", (7000, 7000), {}),
    ("JPEG", "L", (7000, 7000), {"progressive": True, "optimize": True}),
    ("TIFF", "1", (4000, 3000), {"compression": "group4"}),
    ("TIFF", "RGB", (7000, 7000), {"compression": "tiff_adobe_deflate"}),
]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", TINY)
def test_a_tiny_file_costs_little(name: str, side: int) -> None:
    data = TINY[name](side)
    assert len(data) <= MOST_BYTES
    # A dear file is dear twice; one of two runs may be disturbed.
    spent = min(_spent(data) for _ in range(2))
    assert spent < SECONDS or spent < seconds_of(SHARE)


@pytest.mark.parametrize(("format", "mode", "size", "options"), FLAT, ids=str)
def test_a_picture_of_one_colour_is_decoded(
    format: str, mode: str, size: tuple[int, int], options: dict[str, object]
) -> None:
    data = encoded(Image.new(mode, size, 1), format, **options)
    assert decode(data, SIZE, LIMITS).shape == (SIZE, SIZE, 3)


def _spent(data: bytes) -> float:
    started = time.thread_time()
    with suppress(NotAnImage, TooLarge):
        decode(data, SIZE, LIMITS)
    return time.thread_time() - started
