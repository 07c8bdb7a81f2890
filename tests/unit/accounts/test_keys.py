"""The shape of keys."""

import math
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgvec.accounts.keys import KEY_PATTERN, RANDOM_LENGTH, digest, mint, well_formed
from imgvec.ids import BASE62

keys = st.builds(mint)


def test_the_checksum_is_the_crc32_of_all_before_it_in_base62() -> None:
    key = mint()
    value = 0
    for char in key[-6:]:
        value = value * 62 + BASE62.index(char)
    assert value == zlib.crc32(key[:-6].encode())


def test_a_key_has_at_least_160_random_bits() -> None:
    assert RANDOM_LENGTH * math.log2(62) >= 160
    bodies = {mint()[7:34] for _ in range(200)}
    assert len(bodies) == 200
    assert all(len(body) == 27 for body in bodies)


@given(keys)
def test_a_minted_key_is_well_formed_and_found_by_scanners(key: str) -> None:
    assert well_formed(key)
    assert KEY_PATTERN.findall(f'API_KEY="{key}" # in a file') == [key]


@given(key=keys, position=st.integers(0, 39), data=st.data())
def test_any_one_changed_character_is_noticed(key: str, position: int, data: st.DataObject) -> None:
    other = data.draw(st.characters().filter(lambda char: char != key[position]))
    assert not well_formed(key[:position] + other + key[position + 1 :])


@given(key=keys, position=st.integers(7, 39))
def test_a_letter_in_the_other_case_is_noticed(key: str, position: int) -> None:
    swapped = key[:position] + key[position].swapcase() + key[position + 1 :]
    assert well_formed(swapped) == (swapped == key)


@given(key=keys, position=st.integers(7, 38))
def test_two_neighbours_swapped_are_noticed(key: str, position: int) -> None:
    swapped = key[:position] + key[position + 1] + key[position] + key[position + 2 :]
    assert well_formed(swapped) == (swapped == key)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param("{key} ", id="space-after"),
        pytest.param(" {key}", id="space-before"),
        pytest.param("{key}\n", id="newline"),
        pytest.param("{key}0", id="longer"),
        pytest.param("{short}", id="shorter"),
        pytest.param("Bearer {key}", id="scheme"),
        pytest.param("{upper}", id="upper-case"),
        pytest.param("", id="empty"),
        pytest.param("imgvec_", id="prefix-only"),
        pytest.param("imgvec_" + "0" * 33, id="no-checksum"),
        pytest.param("imgvec_" + "\N{FULLWIDTH DIGIT ZERO}" * 33, id="wide-digits"),
        pytest.param("\ud800", id="lone-surrogate"),
    ],
)
def test_what_is_no_key(spoil: str) -> None:
    key = mint()
    assert not well_formed(spoil.format(key=key, short=key[:-1], upper=key.upper()))


def test_a_scanner_does_not_match_inside_a_longer_word() -> None:
    assert KEY_PATTERN.search(mint() + "x") is None


def test_the_digest_is_sha256_in_hex() -> None:
    # From `printf abc | sha256sum`.
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest("abc") == expected
