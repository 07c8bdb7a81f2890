"""PixLab's key may stand in the body, so the body's faults and the key's meet."""

from collections.abc import Iterator

import pytest

from checks import assert_pixlab_error
from endpoints import JSON, OVER_BODY
from imgvec.accounts.keys import mint
from places import Place


@pytest.mark.parametrize("path", ["/imgembed", "/llmimgembed"])
@pytest.mark.parametrize(("placed", "status"), [("header", 400), ("query", 400), ("nowhere", 401)])
def test_bad_json_with_a_key_elsewhere(place: Place, path: str, placed: str, status: int) -> None:
    response = place.client.post(
        path,
        content=b'{"key": "' + place.key.encode() + b'", "img": "',
        params={"key": place.key} if placed == "query" else {},
        headers={
            "Content-Type": JSON,
            **({"WWW-Authenticate": place.key} if placed == "header" else {}),
        },
    )
    assert_pixlab_error(response, status)


@pytest.mark.parametrize("media_type", [JSON, "application/x-www-form-urlencoded"])
@pytest.mark.parametrize(("query_key", "status"), [("absent", 413), ("good", 413), ("wrong", 401)])
def test_unreadable_body_may_hold_the_key(
    place: Place, media_type: str, query_key: str, status: int
) -> None:
    params = {"good": {"key": place.key}, "wrong": {"key": mint()}}.get(query_key, {})
    response = place.client.post(
        "/imgembed",
        content=b"a" * OVER_BODY,
        params=params,
        headers={"Content-Type": media_type},
    )
    assert_pixlab_error(response, status)


def in_chunks(content: bytes) -> Iterator[bytes]:
    """A body without an announced length."""
    for start in range(0, len(content), 1 << 20):
        yield content[start : start + (1 << 20)]


def form_with_key(key: str, rest: bytes) -> tuple[bytes, dict[str, str]]:
    """A multipart body whose first part is the key; its headers."""
    head = f'--edge\r\nContent-Disposition: form-data; name="key"\r\n\r\n{key}\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=edge"}
    return head.encode() + rest, headers


FILE_HEAD = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'


@pytest.mark.parametrize("path", ["/imgembed", "/store"])
@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
def test_key_before_an_oversized_file(place: Place, path: str, chunked: bool) -> None:
    content, headers = form_with_key(place.key, FILE_HEAD + bytes(OVER_BODY) + b"\r\n--edge--\r\n")
    response = place.client.post(
        path, content=in_chunks(content) if chunked else content, headers=headers
    )
    assert_pixlab_error(response, 413)


def test_wrong_key_before_an_oversized_file(place: Place) -> None:
    """As far as the body parses, the key decides."""
    content, headers = form_with_key(mint(), FILE_HEAD + bytes(OVER_BODY))
    response = place.client.post("/imgembed", content=in_chunks(content), headers=headers)
    assert_pixlab_error(response, 401)


@pytest.mark.parametrize(("key", "status"), [("good", 400), ("wrong", 401)])
def test_key_before_a_broken_part(place: Place, key: str, status: int) -> None:
    """As far as the body parses, the key decides."""
    broken = b'--edge\r\nContent-Disposition: form-data; filename="a"\r\n\r\nx\r\n--edge--\r\n'
    content, headers = form_with_key(place.key if key == "good" else mint(), broken)
    response = place.client.post("/imgembed", content=content, headers=headers)
    assert_pixlab_error(response, status)
