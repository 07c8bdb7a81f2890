"""PixLab's key may stand in the body, so the body's faults and the key's meet."""

import base64
import gzip
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator

import orjson
import pytest

from imgvec.accounts.keys import mint
from tests.support.contract.checks import assert_pixlab_error, small_png
from tests.support.contract.embed_routes import JSON, OVER_BODY
from tests.support.server.places import Place

FORM = "application/x-www-form-urlencoded"
PNG = small_png()


def in_a_string(body: bytes) -> bytes:
    """The body as a JSON string: a client that turned it into JSON twice."""
    return orjson.dumps(body.decode())


@pytest.mark.parametrize("path", ["/imgembed", "/llmimgembed"])
@pytest.mark.parametrize("placed", ["header", "query", "nowhere"])
def test_bad_json_with_a_key_elsewhere(place: Place, path: str, placed: str) -> None:
    response = place.client.post(
        path,
        content=b'{"key": "' + place.key.encode() + b'", "img": "',
        params={"key": place.key} if placed == "query" else {},
        headers={
            "Content-Type": JSON,
            **({"WWW-Authenticate": place.key} if placed == "header" else {}),
        },
    )
    assert_pixlab_error(response, 400)


def document(place: Place) -> bytes:
    """A JSON body that is right, with the key."""
    return orjson.dumps({"key": place.key, "img": base64.b64encode(PNG).decode()})


GZIPPED = {"Content-Type": JSON, "Content-Encoding": "gzip"}
UNREADABLE: dict[str, tuple[Callable[[bytes], bytes], dict[str, str], int, str]] = {
    "plain text": (bytes, {"Content-Type": "text/plain"}, 415, "Unsupported content type"),
    "curl -d": (bytes, {"Content-Type": FORM}, 415, "The body is JSON, but its content type"),
    "axios, a string": (in_a_string, {"Content-Type": FORM}, 415, "The body is JSON, but"),
    "axios, a string as JSON": (in_a_string, {"Content-Type": JSON}, 400, "must be a JSON object"),
    "gzip": (gzip.compress, GZIPPED, 415, "must not be compressed"),
    "gzip unsaid": (gzip.compress, {"Content-Type": JSON}, 415, "must not be compressed"),
    "gzip of a form": (gzip.compress, {"Content-Type": FORM}, 415, "must not be compressed"),
    "cut short": (lambda whole: whole[:-9], {"Content-Type": JSON}, 400, "not valid JSON"),
    "no boundary": (bytes, {"Content-Type": "multipart/form-data"}, 400, "no valid boundary"),
    "another boundary": (
        bytes,
        {"Content-Type": "multipart/form-data; boundary=edge"},
        400,
        "The form does not parse",
    ),
}


@pytest.mark.parametrize("case", UNREADABLE)
@pytest.mark.parametrize("elsewhere", ["nothing", "right key", "wrong key"])
def test_a_body_that_cannot_be_read_is_told_unless_a_key_elsewhere_is_wrong(
    place: Place, case: str, elsewhere: str
) -> None:
    change, headers, status, words = UNREADABLE[case]
    params = {"right key": {"key": place.key}, "wrong key": {"key": mint()}}.get(elsewhere, {})
    response = place.client.post(
        "/imgembed", content=change(document(place)), params=params, headers=headers
    )
    if elsewhere == "wrong key":
        assert_pixlab_error(response, 401)
    else:
        assert_pixlab_error(response, status)
        assert words in response.json()["error"]


@pytest.mark.parametrize("way", ["urlencoded", "multipart"])
def test_a_form_to_the_llm_route_is_415(place: Place, way: str) -> None:
    data = {"key": place.key, "img": "aaaa"}
    files = {name: (None, value) for name, value in data.items()}
    sent = {"data": data} if way == "urlencoded" else {"files": files}
    assert_pixlab_error(place.client.post("/llmimgembed", **sent), 415)


@pytest.mark.parametrize("path", ["/imgembed", "/llmimgembed"])
def test_a_byte_order_mark_is_skipped(place: Place, path: str) -> None:
    response = place.client.post(
        path, content=BOM_UTF8 + document(place), headers={"Content-Type": JSON}
    )
    assert response.status_code == 200, response.text


@pytest.mark.parametrize(
    "preamble",
    [
        b"This is a multi-part message in MIME format.\r\n",
        b"\r\n",
        BOM_UTF8 + b"\r\n",
        b"--edg\r\n --edge\r\n",
        b"x" * 3_000_000 + b"\n",
    ],
    ids=["words", "line end", "byte order mark", "almost a boundary", "long"],
)
@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "in single bytes"])
def test_a_preamble_is_ignored(place: Place, preamble: bytes, chunked: bool) -> None:
    if chunked and len(preamble) > 100:
        preamble = preamble[-100:]
    content, headers = form_with_key(place.key, FILE_HEAD + PNG + b"\r\n--edge--\r\n")
    whole = preamble + content
    pieces = (whole[at : at + 1] for at in range(len(whole)))
    response = place.client.post("/imgembed", content=pieces if chunked else whole, headers=headers)
    assert response.status_code == 200, response.text


def test_a_preamble_with_no_form_behind_it_holds_no_key(place: Place) -> None:
    content, headers = form_with_key(place.key, b"")
    response = place.client.post("/imgembed", content=b"x" + content, headers=headers)
    assert_pixlab_error(response, 400)


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
