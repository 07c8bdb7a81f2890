"""PixLab img-embed: `GET` and `POST /imgembed`."""

import base64
from typing import Any

import httpx2
import pytest

from tests.support.contract.checks import (
    NO_SUCH_HOST,
    REFUSED_ADDRESS,
    assert_made_headers,
    assert_pixlab_error,
    assert_unit,
    data_uri,
    huge_png,
    icon,
    small_png,
)
from tests.support.server.places import PictureServer, Place

PATH = "/imgembed"
PNG = small_png()
BASE64 = base64.b64encode(PNG).decode()
FORMS = ["query", "json", "multipart", "urlencoded"]


def send(place: Place, form: str, **fields: object) -> httpx2.Response:
    """Send fields in one of the four ways; a field of bytes is a file."""
    files = {name: ("a.png", value) for name, value in fields.items() if isinstance(value, bytes)}
    rest: dict[str, Any] = {name: value for name, value in fields.items() if name not in files}
    match form:
        case "query":
            return place.client.get(PATH, params=rest)
        case "json":
            return place.client.post(PATH, json=rest)
        case "multipart":
            # A file part of its own makes the form multipart; unknown fields are nobody's business.
            return place.client.post(PATH, data=rest, files=files or {"unused": ("", b"")})
        case _:
            return place.client.post(PATH, data=rest)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["img", "url"])
@pytest.mark.parametrize("kind", ["url", "base64", "data-uri"])
def test_image_in_every_way(
    place: Place, pictures: PictureServer, form: str, name: str, kind: str
) -> None:
    image = {
        "url": pictures.url("pixlab-small.png", PNG),
        "base64": BASE64,
        "data-uri": data_uri(PNG, "image/png"),
    }[kind]
    response = send(place, form, key=place.key, **{name: image})

    assert response.status_code == 200, response.text
    answer = response.json()
    assert list(answer) == ["status", "embedding", "total_tokens"]
    assert answer["status"] == 200
    assert_unit(answer["embedding"], 1024)
    assert_made_headers(response, 1024)


def test_upload(place: Place, cat: bytes) -> None:
    response = send(place, "multipart", key=place.key, file=cat)
    assert response.status_code == 200, response.text
    assert_unit(response.json()["embedding"], 1024)


@pytest.mark.parametrize("form", FORMS)
def test_content_type_is_exact(place: Place, form: str) -> None:
    response = send(place, form, key=place.key, img=BASE64)
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dimension", ["512", "1024", 512, 1024])
def test_dimension(place: Place, form: str, dimension: int | str) -> None:
    response = send(place, form, key=place.key, img=BASE64, dimension=dimension)
    assert response.status_code == 200, response.text
    assert_unit(response.json()["embedding"], int(dimension))
    assert_made_headers(response, int(dimension))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "dimension", ["768", "0", "-512", "+512", "5_12", "abc", "", "512.5", "٥١٢", str(2**70)]
)
def test_bad_dimension(place: Place, form: str, dimension: str) -> None:
    response = send(place, form, key=place.key, img=BASE64, dimension=dimension)
    assert_pixlab_error(response, 400)


@pytest.mark.parametrize("dimension", [768, 0, -512, 512.5, True, [512], {}, 2**62], ids=repr)
def test_bad_dimension_of_json(place: Place, dimension: object) -> None:
    assert_pixlab_error(send(place, "json", key=place.key, img=BASE64, dimension=dimension), 400)


def test_tokens_are_the_encoders_own(place: Place, cat: bytes) -> None:
    """One number for every image and width, since the encoder's input has one size."""
    counts = [
        send(place, "multipart", key=place.key, file=data, dimension=width).json()["total_tokens"]
        for data in (cat, PNG)
        for width in (512, 1024)
    ]
    assert type(counts[0]) is int
    assert counts[0] > 1
    assert len(set(counts)) == 1


@pytest.mark.parametrize("form", FORMS)
def test_key_in_the_header(place: Place, form: str) -> None:
    headers = {"WWW-Authenticate": place.key}
    fields = {"img": BASE64}
    response = {
        "query": lambda: place.client.get(PATH, params=fields, headers=headers),
        "json": lambda: place.client.post(PATH, json=fields, headers=headers),
        "multipart": lambda: place.client.post(PATH, files={"file": PNG}, headers=headers),
        "urlencoded": lambda: place.client.post(PATH, data=fields, headers=headers),
    }[form]()
    assert response.status_code == 200, response.text


def test_get_that_names_a_content_type(place: Place) -> None:
    """As clients do that set their headers once for all calls."""
    headers = {"Content-Type": "application/json"}
    params = {"img": BASE64, "key": place.key}
    assert place.client.get(PATH, params=params, headers=headers).status_code == 200


def test_key_in_the_query_of_a_post(place: Place) -> None:
    params = {"key": place.key}
    as_json = place.client.post(PATH, params=params, json={"img": BASE64})
    as_form = place.client.post(PATH, params=params, data={"img": BASE64})
    as_upload = place.client.post(PATH, params=params, files={"file": PNG})
    assert [one.status_code for one in (as_json, as_form, as_upload)] == [200, 200, 200]


def test_same_key_in_all_places(place: Place) -> None:
    response = place.client.post(
        PATH,
        params={"key": place.key},
        json={"img": BASE64, "key": place.key},
        headers={"WWW-Authenticate": place.key},
    )
    assert response.status_code == 200, response.text


@pytest.mark.parametrize("second", ["other_key", "revoked_key", "nonsense"])
@pytest.mark.parametrize("places", ["header-query", "header-body", "query-body", "body-query"])
def test_two_different_keys(place: Place, places: str, second: str) -> None:
    other = {"other_key": place.other_key, "revoked_key": place.revoked_key}.get(second, "wrong")
    first_place, second_place = places.split("-")
    shown = {first_place: place.key, second_place: other}
    response = place.client.post(
        PATH,
        params={"key": shown["query"]} if "query" in shown else {},
        json={"img": BASE64, **({"key": shown["body"]} if "body" in shown else {})},
        headers={"WWW-Authenticate": shown["header"]} if "header" in shown else {},
    )
    assert_pixlab_error(response, 401)


def test_two_different_keys_in_one_form(place: Place) -> None:
    data = {"key": [place.key, place.other_key], "img": BASE64}
    assert_pixlab_error(place.client.post(PATH, data=data), 401)
    assert_pixlab_error(place.client.get(PATH, params=data), 401)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("key", ["revoked", "mistyped", "lower-case", "blank", "absent"])
def test_wrong_key(place: Place, form: str, key: str) -> None:
    fields: dict[str, object] = {"img": BASE64}
    if key != "absent":
        fields["key"] = {
            "revoked": place.revoked_key,
            "mistyped": place.key[:-1] + ("b" if place.key[-1] == "a" else "a"),
            "lower-case": place.key.lower(),
            "blank": "",
        }[key]
    response = send(place, form, **fields)
    assert_pixlab_error(response, 401)
    assert response.json() == {"status": 401, "error": "Missing/Invalid PixLab API Key"}


@pytest.mark.parametrize("key", [7, ["{key}"], {"key": "{key}"}, True], ids=repr)
def test_key_of_another_type(place: Place, key: object) -> None:
    assert_pixlab_error(send(place, "json", key=key, img=BASE64), 401)


@pytest.mark.parametrize("header", ["Authorization", "x-api-key"])
def test_headers_of_other_dialects_hold_no_key(place: Place, header: str) -> None:
    headers = {header: place.key}
    assert_pixlab_error(place.client.post(PATH, json={"img": BASE64}, headers=headers), 401)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"img": ""},
        {"img": "!!!! not base64"},
        {"img": "file:///etc/hostname"},
        {"img": "ftp://example.com/cat.jpg"},
        {"img": "data:image/png;base64,***"},
        {"img": "data:image/png"},
        {"img": BASE64, "url": BASE64},
        {"img": REFUSED_ADDRESS},
        {"url": "http://127.0.0.1:1/cat.jpg"},
        {"img": "http://127.0.0.1/store/st_short"},
    ],
    ids=lambda fields: "-".join(f"{name}={value[:24]}" for name, value in fields.items()),
)
def test_bad_parameter(place: Place, form: str, fields: dict[str, str]) -> None:
    assert_pixlab_error(send(place, form, key=place.key, **fields), 400)


def test_bad_parameter_of_an_upload(place: Place) -> None:
    empty = send(place, "multipart", key=place.key, file=b"")
    both = send(place, "multipart", key=place.key, file=PNG, img=BASE64)
    # An `img` part with a file name is a file, and only `file` may be one.
    misnamed = send(place, "multipart", key=place.key, img=PNG)
    text = place.client.post(PATH, data={"key": place.key, "file": BASE64})
    for response in (empty, both, misnamed, text):
        assert_pixlab_error(response, 400)


@pytest.mark.parametrize("img", [7, ["a"], {}, True], ids=repr)
def test_img_of_another_type(place: Place, img: object) -> None:
    assert_pixlab_error(send(place, "json", key=place.key, img=img), 400)


def test_not_downloaded_is_404(place: Place, pictures: PictureServer) -> None:
    for url in (pictures.url("pixlab-missing.jpg"), NO_SUCH_HOST):
        response = send(place, "query", key=place.key, img=url)
        assert_pixlab_error(response, 404)
        assert url not in response.text


@pytest.mark.parametrize("way", ["url", "base64", "upload"])
@pytest.mark.parametrize("kind", ["text", "truncated", "icon"])
def test_no_supported_image_is_415(
    place: Place, pictures: PictureServer, cat: bytes, kind: str, way: str
) -> None:
    data = {"text": b"not an image", "truncated": cat[: len(cat) // 2], "icon": icon()}[kind]
    match way:
        case "url":
            response = send(place, "json", key=place.key, img=pictures.url(f"pixlab-{kind}", data))
        case "base64":
            response = send(place, "json", key=place.key, img=base64.b64encode(data).decode())
        case _:
            response = send(place, "multipart", key=place.key, file=data)
    assert_pixlab_error(response, 415)


def test_base64_is_told_by_prefix_and_not_tried(place: Place) -> None:
    """A word of the alphabet is base64 of something that is no image: 415, not 400."""
    assert_pixlab_error(send(place, "json", key=place.key, img="httpcat+"), 415)


def test_wrong_content_type_is_415(place: Place) -> None:
    for media_type in ("text/plain", "application/xml", "image/png"):
        headers = {"Content-Type": media_type, "WWW-Authenticate": place.key}
        assert_pixlab_error(place.client.post(PATH, content=PNG, headers=headers), 415)


@pytest.mark.parametrize("way", ["json", "urlencoded"])
def test_content_type_may_carry_a_charset(place: Place, way: str) -> None:
    plain = "application/json" if way == "json" else "application/x-www-form-urlencoded"
    content = '{"url": "%s"}' if way == "json" else "url=%s"
    uri = data_uri(PNG).replace("+", "%2B") if way == "urlencoded" else data_uri(PNG)
    headers = {"Content-Type": f"{plain}; charset=UTF-8", "WWW-Authenticate": place.key}
    response = place.client.post(PATH, content=(content % uri).encode(), headers=headers)
    assert response.status_code == 200, response.text


def test_too_many_pixels_are_413(place: Place) -> None:
    assert_pixlab_error(send(place, "multipart", key=place.key, file=huge_png()), 413)
