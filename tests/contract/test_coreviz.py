"""CoreViz: `POST /api/ai/embeddings` and the path of the vendor's SDK."""

import base64
from pathlib import Path

import httpx2
import pytest

from tests.support.contract.checks import (
    NO_SUCH_HOST,
    REFUSED_ADDRESS,
    assert_coreviz_error,
    assert_made_headers,
    assert_unit,
    bits,
    data_uri,
    huge_png,
    icon,
    small_png,
)
from tests.support.server.places import PictureServer, Place

PATH = "/api/ai/embeddings"
JSON = "application/json"
CAT_FILE = str(Path(__file__).resolve())
TEXT = "a photo of a cat"


def ask(place: Place, **body: object) -> httpx2.Response:
    """Send a JSON body with a good key."""
    return place.client.post(PATH, json=body, headers={"x-api-key": place.key})


def embedding_bits(place: Place, **body: object) -> bytes:
    """Bits of the embedding that such a body gives."""
    response = ask(place, **body)
    assert response.status_code == 200, response.text
    return bits(response.json()["embedding"])


@pytest.mark.parametrize("path", [PATH, "/api/ai/embed"], ids=["documented", "sdk"])
def test_image_of_the_seed(place: Place, pictures: PictureServer, path: str) -> None:
    body = {"image": pictures.url("cat.jpg")}
    response = place.client.post(path, json=body, headers={"x-api-key": place.key})

    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == JSON
    answer = response.json()
    assert list(answer) == ["embedding", "dimensions", "model"]
    assert_unit(answer["embedding"], 768)
    assert answer["dimensions"] == 768
    assert answer["model"] == "default"
    assert_made_headers(response, 768)


def test_model_is_echoed(place: Place) -> None:
    assert ask(place, text=TEXT, model="default").json()["model"] == "default"


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER  "])
def test_key_as_bearer(place: Place, scheme: str) -> None:
    headers = {"Authorization": scheme + place.key}
    assert place.client.post(PATH, json={"text": TEXT}, headers=headers).status_code == 200


def test_same_key_in_both_headers(place: Place) -> None:
    headers = {"x-api-key": place.key, "Authorization": f"Bearer {place.key}"}
    assert place.client.post(PATH, json={"text": TEXT}, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "placed",
    [
        "nowhere",
        "raw authorization",
        "basic authorization",
        "www-authenticate",
        "query",
        "body",
        "empty",
    ],
)
def test_key_elsewhere_is_none(place: Place, placed: str) -> None:
    headers = {
        "raw authorization": {"Authorization": place.key},
        "basic authorization": {"Authorization": f"Basic {place.key}"},
        "www-authenticate": {"WWW-Authenticate": place.key},
        "empty": {"x-api-key": ""},
    }.get(placed, {})
    params = {"key": place.key, "x-api-key": place.key} if placed == "query" else {}
    body = {"text": TEXT, **({"key": place.key} if placed == "body" else {})}

    response = place.client.post(PATH, json=body, headers=headers, params=params)

    assert_coreviz_error(response, 401)
    assert response.json() == {"error": "Unauthorized", "message": "Invalid or missing API key"}


@pytest.mark.parametrize(
    "label",
    [
        "image/jpeg",
        "image/jpg",
        "image/png",
        "text/plain",
        "application/octet-stream",
        "image/jpeg;charset=utf-8",
        "image/jpeg;name=cat.jpg;quality=1",
        "",
    ],
)
def test_data_uri_by_its_bytes(place: Place, cat: bytes, label: str) -> None:
    assert embedding_bits(place, image=data_uri(cat, label)) == embedding_bits(
        place, image=data_uri(cat)
    )


def test_prefixes_in_any_case(place: Place, pictures: PictureServer, cat: bytes) -> None:
    url = pictures.url("cat.jpg").replace("http:", "HTTP:")
    uri = data_uri(cat).replace("data:", "DATA:")
    assert embedding_bits(place, image=url) == embedding_bits(place, image=uri)
    assert embedding_bits(place, input=url) == embedding_bits(place, input=uri)


def test_text(place: Place) -> None:
    response = ask(place, text=TEXT)

    assert list(response.json()) == ["embedding", "dimensions", "model"]
    assert_unit(response.json()["embedding"], 768)
    assert_made_headers(response, 768)


def test_input_without_type_is_told_by_prefix(
    place: Place, pictures: PictureServer, cat: bytes
) -> None:
    url, uri = pictures.url("cat.jpg"), data_uri(cat)
    assert embedding_bits(place, input=url) == embedding_bits(place, image=url)
    assert embedding_bits(place, input=uri) == embedding_bits(place, image=uri)
    assert embedding_bits(place, input=TEXT) == embedding_bits(place, text=TEXT)
    # Bare base64 has no prefix, so it is a text.
    plain = base64.b64encode(cat[:60]).decode()
    assert embedding_bits(place, input=plain) == embedding_bits(place, text=plain)


def test_type_overrules_prefix(place: Place, pictures: PictureServer) -> None:
    url = pictures.url("cat.jpg")
    assert embedding_bits(place, input=url, type="image") == embedding_bits(place, image=url)
    as_text = embedding_bits(place, input=url, type="text")
    assert as_text == embedding_bits(place, text=url)
    assert as_text != embedding_bits(place, image=url)


def test_content_type_may_carry_a_charset(place: Place) -> None:
    headers = {"x-api-key": place.key, "Content-Type": "Application/JSON; charset=utf-8"}
    response = place.client.post(PATH, content=b'{"text": "caf\xc3\xa9"}', headers=headers)
    assert response.status_code == 200, response.text
    assert bits(response.json()["embedding"]) == embedding_bits(place, text="café")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"image": ""},
        {"image": None},
        {"image": 7},
        {"image": ["http://example.com/a.jpg"]},
        {"image": {"url": "http://example.com/a.jpg"}},
        {"image": "cat.jpg"},
        {"image": CAT_FILE},
        {"image": "file:///etc/hostname"},
        {"image": "ftp://example.com/cat.jpg"},
        {"image": "//example.com/cat.jpg"},
        {"image": base64.b64encode(small_png()).decode()},
        {"image": "data:image/png;base64,***"},
        {"image": "data:image/png;base64"},
        {"image": "data:image/png;base64,"},
        {"image": "http://"},
        {"image": "http://[::1"},
        {"text": ""},
        {"text": 7},
        {"text": ["a", "b"]},
        {"input": ""},
        {"input": ["a"]},
        {"input": "a", "type": "video"},
        {"input": "a", "type": 1},
        {"input": "a cat", "type": "image"},
        {"text": "a", "input": "a"},
        {"text": "a", "image": data_uri(small_png())},
        {"text": "a", "input": "a", "image": data_uri(small_png())},
        {"text": "a", "model": "clip"},
        {"text": "a", "model": "mobileclip"},
        {"text": "a", "model": 768},
        {"text": "a", "model": "Default"},
    ],
    ids=str,
)
def test_bad_parameter(place: Place, body: dict[str, object]) -> None:
    assert_coreviz_error(ask(place, **body), 400)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'"text"', b"null", b'{"text": "a"} x', b"text=a", b'{"text": "\xff"}'],
    ids=repr,
)
def test_bad_json(place: Place, content: bytes) -> None:
    headers = {"x-api-key": place.key, "Content-Type": JSON}
    assert_coreviz_error(place.client.post(PATH, content=content, headers=headers), 400)


def test_wrong_content_type_is_400(place: Place) -> None:
    key = {"x-api-key": place.key}
    form = place.client.post(PATH, data={"text": "a"}, headers=key)
    upload = place.client.post(PATH, files={"image": ("a.png", small_png())}, headers=key)
    plain = place.client.post(
        PATH, content=b'{"text": "a"}', headers={**key, "Content-Type": "text/plain"}
    )
    for response in (form, upload, plain):
        assert_coreviz_error(response, 400)


@pytest.mark.parametrize(
    "url",
    [
        REFUSED_ADDRESS,
        "http://127.0.0.1:1/cat.jpg",
        "http://[::1]/cat.jpg",
        "http://127.0.0.1/cat.jpg",
        "http://user:password@example.com/cat.jpg",
        "http://example.com:22/cat.jpg",
    ],
)
def test_address_that_may_not_be_fetched(place: Place, url: str) -> None:
    response = ask(place, image=url)
    assert_coreviz_error(response, 400)
    assert url.split("/")[2] not in response.text


def test_not_downloaded_is_422(place: Place, pictures: PictureServer) -> None:
    for url in (pictures.url("coreviz-missing.jpg"), NO_SUCH_HOST):
        response = ask(place, image=url)
        assert_coreviz_error(response, 422)
        assert response.json()["message"] == "Unable to process the provided image"
        # Nothing of what the other side said, or whether it is there at all.
        assert "404" not in response.text
        assert url not in response.text


@pytest.mark.parametrize("by", ["url", "data-uri"])
@pytest.mark.parametrize("kind", ["text", "truncated", "icon"])
def test_no_usable_image_is_422(
    place: Place, pictures: PictureServer, cat: bytes, kind: str, by: str
) -> None:
    data = {"text": b"not an image", "truncated": cat[: len(cat) // 2], "icon": icon()}[kind]
    image = pictures.url(f"coreviz-{kind}", data) if by == "url" else data_uri(data)
    assert_coreviz_error(ask(place, image=image), 422)


def test_too_many_pixels_are_413(place: Place) -> None:
    assert_coreviz_error(ask(place, image=data_uri(huge_png())), 413)


def test_detail_names_the_reason(place: Place) -> None:
    body = ask(place, text="a", model="clip").json()
    assert body["message"] == "Invalid image URL or missing required fields"
    assert "model" in body["detail"]
