"""Random names: shape, and that every character is as likely as the next."""

import re
from collections import Counter
from collections.abc import Callable

import pytest

from imgvec.ids import BASE62, base62, link_id, memories_id


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        pytest.param(memories_id, r"re_[0-9]{18}", id="memories"),
        pytest.param(link_id, r"st_[0-9A-Za-z]{27}", id="link"),
    ],
)
def test_ids_have_their_shape_and_differ(make: Callable[[], str], shape: str) -> None:
    made = {make() for _ in range(500)}
    assert len(made) == 500
    assert all(re.fullmatch(shape, one) for one in made)


def test_the_alphabet_has_sixty_two_different_characters() -> None:
    assert len(set(BASE62)) == len(BASE62) == 62


def test_every_character_is_equally_likely() -> None:
    # A remainder of a random byte would make eight characters 25 % likelier: 1,250 of 1,000.
    counts = Counter(base62(62_000))
    assert set(counts) == set(BASE62)
    assert all(800 < count < 1200 for count in counts.values())
