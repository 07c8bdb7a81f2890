"""Fields: one set of rules for query, JSON and forms."""

import pytest

from imgvec.api.fields import Fields, Upload
from imgvec.errors import BadParameter

FILE = Upload("cat.jpg", b"bytes")


@pytest.mark.parametrize(
    ("value", "read"),
    [(512, 512), ("512", 512), ("0512", 512), (None, None), (-1, -1)],
)
def test_integers_may_be_written_as_digits(value: object, read: int | None) -> None:
    assert Fields((("n", value),)).integer("n") == read


@pytest.mark.parametrize(
    "value",
    ["", " 512", "512.0", "5e2", "+512", "٥١٢", "1" * 10, 512.0, True, [512], {"n": 1}, FILE],
)
def test_anything_else_is_no_integer(value: object) -> None:
    with pytest.raises(BadParameter, match="'n' must be an integer"):
        Fields((("n", value),)).integer("n")


@pytest.mark.parametrize(("value", "read"), [("cat", "cat"), ("", None), (None, None)])
def test_an_empty_string_and_null_count_as_absent(value: object, read: str | None) -> None:
    assert Fields((("t", value),)).text("t") == read


@pytest.mark.parametrize("value", [1, 1.5, False, ["cat"], {"a": "b"}, FILE])
def test_other_types_are_no_text(value: object) -> None:
    with pytest.raises(BadParameter, match="'t' must be a string"):
        Fields((("t", value),)).text("t")


def test_a_name_given_twice_is_refused_even_with_the_same_value() -> None:
    with pytest.raises(BadParameter, match="more than once"):
        Fields((("t", "cat"), ("t", "cat"))).text("t")


def test_every_value_of_a_name_is_seen_in_order() -> None:
    assert Fields((("k", "a"), ("x", "b"), ("k", None), ("k", 1))).every("k") == ["a", 1]


@pytest.mark.parametrize("value", ["cat.jpg", Upload("cat.jpg", b""), 5])
def test_a_file_must_be_a_file_with_content(value: object) -> None:
    with pytest.raises(BadParameter, match="'f' must be a file"):
        Fields((("f", value),)).upload("f")
    assert Fields((("f", FILE),)).upload("f") is FILE
    assert Fields().upload("f") is None


def test_a_text_in_the_place_of_a_file_names_the_filename() -> None:
    """`curl -F file=<photo.jpg` and clients that leave the filename out."""
    with pytest.raises(BadParameter, match="with a filename"):
        Fields((("f", "bytes as text"),)).upload("f")
    with pytest.raises(BadParameter, match="with a filename"):
        Fields((("f", "bytes as text"),)).uploads("f")
