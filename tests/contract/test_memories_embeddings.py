"""memories.ai: `embeddings/image`, `embeddings/text`, and what stands at no address of it."""

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from imgvec.accounts.keys import mint
from tests.support.contract.checks import (
    REFUSED_ADDRESS,
    assert_made_headers,
    assert_memories_error,
    assert_unit,
    bits,
    data_uri,
    huge_png,
    icon,
)
from tests.support.server.places import PictureServer, Place, imgvec

UNKNOWN_KEY = mint()
BASE = "/serve/api/v2"
IMAGE = f"{BASE}/embeddings/image"
TEXT = f"{BASE}/embeddings/text"
WIDTHS = {"mobileclip": 512, "multimodalembedding@001": 1024}
LIMIT = 20_000_000


def send_file(
    place: Place, data: bytes, model: str = "mobileclip", key: str | None = None
) -> httpx2.Response:
    """A file as a form sends it."""
    return place.client.post(
        IMAGE,
        headers={"Authorization": place.key if key is None else key},
        files={"file": ("photo.jpg", data, "image/jpeg")},
        data={"model": model},
    )


def send_json(place: Place, content: object, path: str = IMAGE) -> httpx2.Response:
    """JSON with the place's key."""
    return place.client.post(path, headers={"Authorization": place.key}, json=content)


def embedding_of(response: httpx2.Response) -> Any:
    """The vector, out of an envelope that is checked whole."""
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/json"
    body = response.json()
    embedding = body["data"]["embedding"]
    assert body == {
        "code": 200,
        "msg": "success",
        "data": {"embedding": embedding},
        "success": True,
        "failed": False,
    }
    assert type(body["code"]) is int
    return embedding


def texts_of(response: httpx2.Response) -> list[Any]:
    """The vectors of texts, out of an envelope that is checked whole."""
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/json"
    body = response.json()
    embeddings = [one["embedding"] for one in body["data"]]
    assert body == {
        "code": 200,
        "msg": "success",
        "data": [{"embedding": embedding} for embedding in embeddings],
        "success": True,
        "failed": False,
    }
    return embeddings


def counted(place: Place) -> int:
    """Embeddings counted to all keys, as `imgvec keys list` shows them."""
    listed = imgvec("keys", "list", "--json", environment=place.environment)
    return sum(row["embeddings"] for row in json.loads(listed.stdout))


@pytest.mark.parametrize(("model", "width"), WIDTHS.items(), ids=WIDTHS)
def test_file(place: Place, cat: bytes, model: str, width: int) -> None:
    response = send_file(place, cat, model)
    assert_unit(embedding_of(response), width)
    assert_made_headers(response, width)


@pytest.mark.parametrize(("model", "width"), WIDTHS.items(), ids=WIDTHS)
def test_every_way_in_gives_the_same_bits(
    place: Place, cat: bytes, pictures: PictureServer, model: str, width: int
) -> None:
    stored = place.client.post(
        f"{BASE}/upload",
        headers={"Authorization": place.key},
        files={"file": ("cat.jpg", cat, "image/jpeg")},
    )
    by_file = embedding_of(send_file(place, cat, model))
    asset_id = stored.json()["data"]["asset_id"]
    by_asset = embedding_of(send_json(place, {"asset_id": asset_id, "model": model}))
    by_url = embedding_of(
        send_json(place, {"image_url": pictures.url("cat.jpg"), "model": model}),
    )
    other_dialect = place.client.post(
        "/imgembed", data={"key": place.key, "dimension": str(width)}, files={"file": cat}
    )
    assert bits(by_asset) == bits(by_file)
    assert bits(by_url) == bits(by_file)
    assert bits(other_dialect.json()["embedding"]) == bits(by_file)


@pytest.mark.parametrize("value", ["{}", "Bearer {}", "bearer  {}"], ids=["raw", "bearer", "lower"])
def test_key_placements(place: Place, cat: bytes, value: str) -> None:
    assert_unit(embedding_of(send_file(place, cat, key=value.format(place.key))), 512)


def test_key_is_wanted(place: Place, cat: bytes) -> None:
    response = place.client.post(IMAGE, files={"file": cat}, data={"model": "mobileclip"})
    assert_memories_error(response, 401)


@pytest.mark.parametrize("path", [IMAGE, TEXT, f"{BASE}/upload", f"{BASE}/upload/signed-url"])
def test_key_is_judged_before_the_body(place: Place, path: str) -> None:
    headers = {"Authorization": UNKNOWN_KEY, "Content-Type": "application/json"}
    assert_memories_error(place.client.post(path, headers=headers, content=b"{"), 401)


@pytest.mark.parametrize(
    "shown",
    [
        lambda place: "",
        lambda place: UNKNOWN_KEY,
        lambda place: place.key[:-1],
        lambda place: place.revoked_key,
        lambda place: f"Basic {place.key}",
        lambda place: f"Bearer Bearer {place.key}",
    ],
    ids=["empty", "unknown", "mistyped", "revoked", "basic", "twice"],
)
def test_wrong_key(place: Place, cat: bytes, shown: Callable[[Place], str]) -> None:
    response = send_file(place, cat, key=shown(place))
    assert_memories_error(response, 401)
    assert response.json()["msg"] == "Unauthorized"


@pytest.mark.parametrize(
    ("header", "query"),
    [({"x-api-key": "{}"}, {}), ({"WWW-Authenticate": "{}"}, {}), ({}, {"key": "{}"})],
    ids=["x-api-key", "www-authenticate", "query"],
)
def test_keys_of_other_dialects_are_no_keys(
    place: Place, cat: bytes, header: dict[str, str], query: dict[str, str]
) -> None:
    response = place.client.post(
        IMAGE,
        headers={name: value.format(place.key) for name, value in header.items()},
        params={name: value.format(place.key) for name, value in query.items()},
        files={"file": cat},
        data={"model": "mobileclip"},
    )
    assert_memories_error(response, 401)


BAD_JSON = {
    "empty object": {},
    "no model": {"image_url": "http://example.com/a.jpg"},
    "model null": {"image_url": "http://example.com/a.jpg", "model": None},
    "model of another type": {"image_url": "http://example.com/a.jpg", "model": 1},
    "unknown model": {"image_url": "http://example.com/a.jpg", "model": "default"},
    "text model": {"image_url": "http://example.com/a.jpg", "model": "gemini-embedding-001"},
    "no image": {"model": "mobileclip"},
    "two images": {
        "asset_id": "re_" + "1" * 18,
        "image_url": "http://example.com/a.jpg",
        "model": "mobileclip",
    },
    "asset of another type": {"asset_id": 1, "model": "mobileclip"},
    "URL of another type": {"image_url": ["http://example.com/a.jpg"], "model": "mobileclip"},
    "no URL": {"image_url": "cat.jpg", "model": "mobileclip"},
    "data URI": {"image_url": data_uri(b"GIF89a"), "model": "mobileclip"},
    "file scheme": {"image_url": "file:///etc/passwd", "model": "mobileclip"},
    "file as a string": {"file": "abc", "model": "mobileclip"},
    "list": [],
    "string": "cat.jpg",
}


@pytest.mark.parametrize("content", BAD_JSON.values(), ids=BAD_JSON)
def test_bad_json_fields(place: Place, content: object) -> None:
    assert_memories_error(send_json(place, content), 400)


UNKNOWN_ASSETS = {
    "unknown": "re_" + "0" * 18,
    "other shape": "cat",
    "path": "../imgvec.sqlite3",
    "encoded path": "..%2Fimgvec.sqlite3",
    "NUL": "re_\0",
    "not ASCII": "re_١٢٣",
    "lone surrogate": "re_\ud800",
    "long": "re_" + "1" * 100_000,
}


@pytest.mark.parametrize("asset_id", UNKNOWN_ASSETS.values(), ids=UNKNOWN_ASSETS)
def test_unknown_asset(place: Place, asset_id: str) -> None:
    content = json.dumps({"asset_id": asset_id, "model": "mobileclip"})
    headers = {"Authorization": place.key, "Content-Type": "application/json"}
    response = place.client.post(IMAGE, headers=headers, content=content)
    assert_memories_error(response, 400)
    if asset_id.isprintable():
        assert response.json()["msg"] == "Asset not found"


@pytest.mark.parametrize(
    "body",
    [b"{", b"", b"null", b"\xff\xfe", b'{"model": "mobileclip",}', b"[" * 100_000],
    ids=["cut", "empty", "null", "not UTF-8", "trailing comma", "deep"],
)
@pytest.mark.parametrize("path", [IMAGE, TEXT], ids=["image", "text"])
def test_bad_json(place: Place, path: str, body: bytes) -> None:
    headers = {"Authorization": place.key, "Content-Type": "application/json"}
    assert_memories_error(place.client.post(path, headers=headers, content=body), 400)


@pytest.mark.parametrize(
    ("data", "files"),
    [
        ({}, {"file": b"GIF89a"}),
        ({"model": ""}, {"file": b"GIF89a"}),
        ({"model": "other"}, {"file": b"GIF89a"}),
        ({"model": "mobileclip"}, {"image": b"GIF89a"}),
        ({"model": "mobileclip"}, {"file": b""}),
        ({"model": "mobileclip", "image_url": "http://example.com/a.jpg"}, {"file": b"GIF89a"}),
        ({"model": ["mobileclip", "mobileclip"]}, {"file": b"GIF89a"}),
    ],
    ids=["no model", "empty model", "other model", "no file", "empty file", "two", "models"],
)
def test_bad_form_fields(place: Place, data: dict[str, Any], files: dict[str, bytes]) -> None:
    headers = {"Authorization": place.key}
    response = place.client.post(IMAGE, headers=headers, data=data, files=files)
    assert_memories_error(response, 400)


def test_two_files(place: Place, cat: bytes) -> None:
    response = place.client.post(
        IMAGE,
        headers={"Authorization": place.key},
        data={"model": "mobileclip"},
        files=[("file", cat), ("file", cat)],
    )
    assert_memories_error(response, 400)


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=x"],
    ids=["no boundary", "empty boundary", "another boundary"],
)
def test_broken_form(place: Place, content_type: str) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nmobileclip\r\n--b--\r\n'
    headers = {"Authorization": place.key, "Content-Type": content_type}
    assert_memories_error(place.client.post(IMAGE, headers=headers, content=body), 400)


@pytest.mark.parametrize(
    ("path", "status"),
    [(IMAGE, 400), (TEXT, 400), (f"{BASE}/upload", 415), (f"{BASE}/upload/signed-url", 400)],
)
@pytest.mark.parametrize("body", [b"", b"{}"], ids=["no body", "body"])
def test_no_content_type(place: Place, path: str, status: int, body: bytes) -> None:
    """Without a content type a body is read as JSON, which an upload does not take."""
    response = place.client.post(path, headers={"Authorization": place.key}, content=body)
    assert_memories_error(response, status)


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        (IMAGE, "text/plain"),
        (IMAGE, "application/x-www-form-urlencoded"),
        (IMAGE, "image/jpeg"),
        (TEXT, "multipart/form-data; boundary=b"),
        (TEXT, "text/json"),
        (f"{BASE}/upload", "application/json"),
        (f"{BASE}/upload/signed-url", "multipart/form-data; boundary=b"),
    ],
)
def test_wrong_content_type(place: Place, path: str, content_type: str) -> None:
    headers = {"Authorization": place.key, "Content-Type": content_type}
    assert_memories_error(place.client.post(path, headers=headers, content=b"{}"), 415)


def test_content_type_with_charset(place: Place, pictures: PictureServer) -> None:
    headers = {"Authorization": place.key, "Content-Type": "Application/JSON; charset=UTF-8"}
    content = json.dumps({"image_url": pictures.url("cat.jpg"), "model": "mobileclip"})
    response = place.client.post(IMAGE, headers=headers, content=content)
    assert_unit(embedding_of(response), 512)


NOT_IMAGES = {
    "text": b"no image at all",
    "HTML": b"<html><img src=cat.jpg></html>",
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "signature only": b"\xff\xd8\xff\xe0",
    "format that is not taken": icon(),
}


@pytest.mark.parametrize("data", NOT_IMAGES.values(), ids=NOT_IMAGES)
def test_no_image(place: Place, data: bytes) -> None:
    assert_memories_error(send_file(place, data), 415)


def test_cut_image(place: Place, cat: bytes) -> None:
    assert_memories_error(send_file(place, cat[: len(cat) // 2]), 415)


def test_no_image_poisons_nothing(place: Place, cat: bytes) -> None:
    before = embedding_of(send_file(place, cat))
    assert_memories_error(send_file(place, cat[:-2000]), 415)
    assert bits(embedding_of(send_file(place, cat))) == bits(before)


def test_page_at_the_url(place: Place, pictures: PictureServer) -> None:
    url = pictures.url("page.html", b"<html></html>")
    assert_memories_error(send_json(place, {"image_url": url, "model": "mobileclip"}), 415)


@pytest.mark.parametrize("url", [REFUSED_ADDRESS, "http://127.0.0.1:1/cat.jpg", "http://"])
def test_refused_address(place: Place, url: str) -> None:
    assert_memories_error(send_json(place, {"image_url": url, "model": "mobileclip"}), 400)


def test_nothing_at_the_url(place: Place, pictures: PictureServer) -> None:
    url = pictures.url("nothing.jpg?secret=1")
    response = send_json(place, {"image_url": url, "model": "mobileclip"})
    assert_memories_error(response, 400)
    assert "404" not in response.json()["msg"]
    assert "secret" not in response.json()["msg"]


def test_over_the_pixel_limit(place: Place) -> None:
    response = send_file(place, huge_png())
    assert_memories_error(response, 400)
    assert response.json()["msg"] == "Request has exceeded the limit."


@pytest.mark.parametrize("path", [IMAGE, f"{BASE}/upload"], ids=["embed", "upload"])
def test_over_the_body_limit(place: Place, cat: bytes, path: str) -> None:
    response = place.client.post(
        path,
        headers={"Authorization": place.key},
        files={"file": ("cat.jpg", cat + bytes(LIMIT), "image/jpeg")},
        data={"model": "mobileclip"},
    )
    assert_memories_error(response, 400)
    assert response.json()["msg"] == "Request has exceeded the limit."


def test_wrong_key_over_the_body_limit(place: Place) -> None:
    assert_memories_error(send_file(place, bytes(LIMIT), key=UNKNOWN_KEY), 401)


def test_over_the_limit_at_the_url(place: Place, pictures: PictureServer, cat: bytes) -> None:
    url = pictures.url("long.jpg", cat + bytes(LIMIT))
    response = send_json(place, {"image_url": url, "model": "mobileclip"})
    del pictures.files["long.jpg"]
    assert_memories_error(response, 400)
    assert response.json()["msg"] == "Request has exceeded the limit."


def test_one_text_is_a_list_of_one(place: Place) -> None:
    content = {"model": "mobileclip", "input": "a cat on a sofa"}
    response = send_json(place, content, TEXT)
    (single,) = texts_of(response)
    assert_unit(single, 512)
    assert_made_headers(response, 512)
    (listed,) = texts_of(send_json(place, {**content, "input": [content["input"]]}, TEXT))
    assert bits(listed) == bits(single)


def test_texts_do_not_depend_on_their_neighbours(place: Place) -> None:
    inputs = ["a cat", "dogs that run along a very long beach at sunset " * 5, "a", "a cat"]
    together = texts_of(send_json(place, {"model": "mobileclip", "input": inputs}, TEXT))
    alone = [
        texts_of(send_json(place, {"model": "mobileclip", "input": text}, TEXT))[0]
        for text in inputs
    ]
    assert [bits(one) for one in together] == [bits(one) for one in alone]
    assert bits(together[0]) != bits(together[1])


@pytest.mark.parametrize(
    ("model", "asked", "width"),
    [
        ("mobileclip", None, 512),
        ("mobileclip", 512, 512),
        ("multimodalembedding@001", None, 1024),
        ("multimodalembedding@001", 1024, 1024),
        ("gemini-embedding-001", None, 512),
        ("gemini-embedding-001", 512, 512),
        ("gemini-embedding-001", 768, 768),
        ("gemini-embedding-001", 1024, 1024),
        ("gemini-embedding-001", "768", 768),
    ],
)
def test_dimensionality(place: Place, model: str, asked: object, width: int) -> None:
    content = {"input": "a cat", "model": model, "dimensionality": asked}
    response = send_json(place, content, TEXT)
    assert_unit(texts_of(response)[0], width)
    assert_made_headers(response, width)


def test_no_dimensionality_at_all(place: Place) -> None:
    content = {"input": "a cat", "model": "gemini-embedding-001"}
    assert_unit(texts_of(send_json(place, content, TEXT))[0], 512)


def test_text_equals_the_other_dialect_s(place: Place) -> None:
    content = {"input": "a cat", "model": "gemini-embedding-001", "dimensionality": 768}
    (here,) = texts_of(send_json(place, content, TEXT))
    there = place.client.post(
        "/api/ai/embeddings", headers={"x-api-key": place.key}, json={"text": "a cat"}
    )
    assert bits(there.json()["embedding"]) == bits(here)


BAD_TEXTS: dict[str, dict[str, object]] = {
    "no input": {"model": "mobileclip"},
    "null": {"model": "mobileclip", "input": None},
    "empty string": {"model": "mobileclip", "input": ""},
    "empty list": {"model": "mobileclip", "input": []},
    "empty one among others": {"model": "mobileclip", "input": ["a", ""]},
    "number": {"model": "mobileclip", "input": 1},
    "number among strings": {"model": "mobileclip", "input": ["a", 1]},
    "null among strings": {"model": "mobileclip", "input": ["a", None]},
    "nested": {"model": "mobileclip", "input": [["a"]]},
    "object": {"model": "mobileclip", "input": {"text": "a"}},
    "101 strings": {"model": "mobileclip", "input": ["a"] * 101},
    "no model": {"input": "a"},
    "unknown model": {"model": "default", "input": "a"},
    "not mobileclip's": {"model": "mobileclip", "input": "a", "dimensionality": 1024},
    "not multimodal's": {"model": "multimodalembedding@001", "input": "a", "dimensionality": 512},
    "no such width": {"model": "gemini-embedding-001", "input": "a", "dimensionality": 256},
    "zero": {"model": "gemini-embedding-001", "input": "a", "dimensionality": 0},
    "fraction": {"model": "gemini-embedding-001", "input": "a", "dimensionality": 512.5},
    "boolean": {"model": "gemini-embedding-001", "input": "a", "dimensionality": True},
    "word": {"model": "gemini-embedding-001", "input": "a", "dimensionality": "many"},
}


@pytest.mark.parametrize("content", BAD_TEXTS.values(), ids=BAD_TEXTS)
def test_bad_text_fields(place: Place, content: dict[str, object]) -> None:
    assert_memories_error(send_json(place, content, TEXT), 400)


def test_each_text_counts_and_a_refused_request_counts_nothing(place: Place, cat: bytes) -> None:
    start = counted(place)
    hundred = [f"a photo of {number} cats" for number in range(100)]
    answer = send_json(place, {"model": "mobileclip", "input": hundred}, TEXT)
    assert len(texts_of(answer)) == 100
    assert counted(place) == start + 100
    assert_memories_error(
        send_json(place, {"model": "mobileclip", "input": [*hundred, "a"]}, TEXT), 400
    )
    assert_memories_error(send_file(place, b"no image"), 415)
    assert counted(place) == start + 100
    embedding_of(send_file(place, cat))
    assert counted(place) == start + 101


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/embeddings/image", "POST"),
        ("PUT", "/embeddings/image", "POST"),
        ("DELETE", "/embeddings/text", "POST"),
        ("GET", "/embeddings/text", "POST"),
        ("GET", "/upload", "POST"),
        ("DELETE", "/upload", "POST"),
        ("GET", "/upload/signed-url", "POST"),
        ("POST", "/upload/signed/re_1", "PUT"),
        ("POST", "/re_1/metadata", "GET"),
        ("POST", "/re_1/download", "GET"),
        ("GET", "/re_1", "DELETE"),
        ("GET", "/asset/re_1", "DELETE"),
    ],
)
def test_wrong_method_needs_no_key(place: Place, method: str, path: str, allow: str) -> None:
    response = place.client.request(method, BASE + path)
    assert_memories_error(response, 405)
    assert response.headers["Allow"] == allow


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("GET", "/"),
        ("GET", "/nothing"),
        ("POST", "/embeddings"),
        ("POST", "/embeddings/video"),
        ("POST", "/embeddings/image/"),
        ("DELETE", "/embeddings"),
        ("GET", "/re_1/other"),
    ],
)
def test_unknown_path_needs_no_key(place: Place, method: str, path: str) -> None:
    assert_memories_error(place.client.request(method, BASE + path), 404)
