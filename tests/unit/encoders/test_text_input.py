"""A text on its way to a text graph: cleaned, cut, split, padded, as each manifest says.

The graphs are linear, so that a vector shows which token ids they got.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from imgvec.encoders.cleaning import Cleaning, cleaned
from imgvec.encoders.integrity import read_manifest
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.errors import BadParameter, ModelError
from imgvec.types import Vector
from tests.support.models.gemma_tokenizer import BLANK, EOS, IDS, PAD, gemma_tokenizer
from tests.support.models.linear_encoder import (
    DIMENSIONS,
    NOTHING,
    PADDED,
    linear_encoder,
    matrix,
    unit,
)

EIGHT = {"ids": "text", "pad_token": PAD, "max_tokens": 8, "max_characters": 100}


def letters(text: str) -> list[int]:
    """The ids of the letters of a text, blanks too."""
    return [IDS[letter] for letter in text.replace(" ", BLANK)]


def vector_of(ids: list[int]) -> Vector:
    """The vector of a linear text graph that gets these ids."""
    return unit(np.array(ids, np.float32) @ matrix(len(ids)))


@pytest.mark.parametrize("kind", [TensorProto.INT32, TensorProto.INT64])
@pytest.mark.parametrize("mask", [None, "mask"])
@pytest.mark.parametrize(
    ("text", "ids", "tokens"),
    [
        ("a cat", [2, 3, 7, 7], 2),
        ("", [7, 7, 7, 7], 0),
        ("a cat or a dog", [2, 3, 5, 2], 4),
    ],
)
def test_a_text_is_padded_and_cut_to_the_graphs_length(
    tmp_path: Path, kind: int, mask: str | None, text: str, ids: list[int], tokens: int
) -> None:
    entry = PADDED if mask is None else {**PADDED, "mask": mask}
    encoder = OnnxEncoder(linear_encoder(tmp_path / "padded", entry, kind=kind))
    vector, read = encoder.encode_text(text, DIMENSIONS)
    assert read == tokens
    assert np.allclose(vector, vector_of(ids), atol=1e-5)


@pytest.mark.parametrize(
    ("text", "ids", "tokens"),
    [
        ("cat", [*letters("cat"), IDS[EOS], 0, 0, 0, 0], 4),
        ("", [IDS[EOS], 0, 0, 0, 0, 0, 0, 0], 1),
        ("abcdefg", [*letters("abcdefg"), IDS[EOS]], 8),
        ("abcdefghij", [*letters("abcdefg"), IDS[EOS]], 8),
        ("A cat, a DOG!", [*letters("a cat a"), IDS[EOS]], 8),
        ("\N{SNOWMAN}", [IDS["<0xE2>"], IDS["<0x98>"], IDS["<0x83>"], IDS[EOS], 0, 0, 0, 0], 4),
    ],
)
def test_a_tokenizer_without_a_mark_of_the_beginning_keeps_that_of_the_end(
    tmp_path: Path, text: str, ids: list[int], tokens: int
) -> None:
    entry = {**EIGHT, "clean": "canonicalize"}
    folder = linear_encoder(tmp_path / "siglip", entry, tokenizer=gemma_tokenizer())
    vector, read = OnnxEncoder(folder).encode_text(text, DIMENSIONS)
    assert read == tokens
    assert np.allclose(vector, vector_of(ids), atol=1e-5)


@pytest.mark.parametrize(
    ("cleaning", "expected"),
    [
        (None, " A cat_dog,\n it's\u3000\u00a0\N{GREEK CAPITAL LETTER SIGMA}! "),
        ("whitespace", "A cat_dog, it's \N{GREEK CAPITAL LETTER SIGMA}!"),
        ("canonicalize", "a cat dog its \N{GREEK SMALL LETTER SIGMA}"),
    ],
)
def test_cleaning(cleaning: Cleaning | None, expected: str) -> None:
    text = " A cat_dog,\n it's\u3000\u00a0\N{GREEK CAPITAL LETTER SIGMA}! "
    assert cleaned(text, cleaning) == expected


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("  a \n cat  ", {None: False, "whitespace": True, "canonicalize": True}),
        ("A cat!", {None: False, "whitespace": False, "canonicalize": True}),
        ("ac-at", {None: False, "whitespace": False, "canonicalize": False}),
    ],
)
def test_a_text_is_cleaned_as_the_manifest_says(
    tmp_path: Path, text: str, same: dict[Cleaning | None, bool]
) -> None:
    found = {}
    for cleaning in same:
        entry = EIGHT if cleaning is None else {**EIGHT, "clean": cleaning}
        folder = linear_encoder(
            tmp_path / f"by-{cleaning}".lower(), entry, tokenizer=gemma_tokenizer()
        )
        encoder = OnnxEncoder(folder)
        one, other = (encoder.encode_text(each, DIMENSIONS)[0] for each in (text, "a cat"))
        found[cleaning] = np.array_equal(one, other)
    assert found == same


def test_a_text_is_cut_before_it_is_cleaned(tmp_path: Path) -> None:
    entry = {**EIGHT, "max_characters": 10, "clean": "canonicalize"}
    folder = linear_encoder(tmp_path / "cut", entry, tokenizer=gemma_tokenizer())
    encoder = OnnxEncoder(folder)
    vector, tokens = encoder.encode_text(" " * 9 + "cat", DIMENSIONS)
    assert (tokens, encoder.text_limit.reached(" " * 9 + "cat", tokens)) == (2, True)
    assert np.array_equal(vector, encoder.encode_text("c", DIMENSIONS)[0])


@pytest.mark.parametrize("change", [{"clean": "canonicalize"}, {"clean": "whitespace"}])
def test_cleaning_is_part_of_the_revision(tmp_path: Path, change: dict[str, Any]) -> None:
    plain = linear_encoder(tmp_path / "plain")
    other = linear_encoder(tmp_path / "other", {**PADDED, **change})
    assert read_manifest(plain).revision != read_manifest(other).revision


def test_an_image_only_encoder_says_so_of_a_text(tmp_path: Path) -> None:
    folder = linear_encoder(tmp_path / "images-only", NOTHING)
    encoder = OnnxEncoder(folder)
    assert not encoder.embeds_text
    assert [file.path for file in read_manifest(folder).files.every] == ["i.onnx"]
    with pytest.raises(BadParameter, match="images-only embeds images only"):
        encoder.encode_text("a cat", DIMENSIONS)


def test_a_pad_token_that_the_tokenizer_lacks_is_named(tmp_path: Path) -> None:
    folder = linear_encoder(tmp_path / "padded", {**PADDED, "pad_token": "<none>"})
    with pytest.raises(ModelError, match=r"has no token '<none>': correct pad_token in manifest"):
        OnnxEncoder(folder).encode_text("a", DIMENSIONS)
