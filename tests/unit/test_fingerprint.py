"""When two requests with the same `Idempotency-Key` ask for the same."""

import pytest

from imgvec.api.fields import Fields, Item, Upload, fingerprint

FIELDS: tuple[Item, ...] = (("key", "secret"), ("img", "https://example.com/a.jpg"), ("n", 5))


def test_equal_fields_are_the_same() -> None:
    assert fingerprint(Fields(FIELDS)) == fingerprint(Fields(tuple(FIELDS)))


def test_another_api_key_is_the_same() -> None:
    rotated = (("key", "other"), *FIELDS[1:])
    assert fingerprint(Fields(rotated)) == fingerprint(Fields(FIELDS))


def test_an_upload_is_told_by_name_and_bytes() -> None:
    one = fingerprint(Fields((("file", Upload("a.jpg", b"1")),)))
    assert one == fingerprint(Fields((("file", Upload("a.jpg", b"1")),)))
    assert one != fingerprint(Fields((("file", Upload("a.jpg", b"2")),)))
    assert one != fingerprint(Fields((("file", Upload("b.jpg", b"1")),)))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param((*FIELDS[:2], ("n", 6)), id="value"),
        pytest.param((*FIELDS[:2], ("n", "5")), id="type"),
        pytest.param((*FIELDS[:2], ("m", 5)), id="name"),
        pytest.param(FIELDS[:2], id="fewer"),
        pytest.param((*FIELDS, ("n", 5)), id="more"),
        pytest.param((*FIELDS[:2], ("n", [5])), id="list"),
    ],
)
def test_anything_else_is_another_request(other: tuple[Item, ...]) -> None:
    assert fingerprint(Fields(other)) != fingerprint(Fields(FIELDS))
