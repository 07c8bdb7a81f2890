"""Weaviate's module multi2vec-clip, as Weaviate asks it: keys in the URL, no content type."""

import base64
import json
import urllib.parse
from collections.abc import Iterator, Mapping

import httpx2
import pytest
from starlette.testclient import TestClient

from imgvec.accounts.keys import mint
from imgvec.app import create_app
from imgvec.settings import load_settings
from tests.support.contract.checks import (
    assert_made_headers,
    assert_unit,
    assert_weaviate_error,
    bits,
    data_uri,
    small_png,
)
from tests.support.server.places import (
    NOBODY,
    PictureServer,
    Place,
    create_key,
    imgvec,
    server_environment,
)

WIDTHS = [512, 768, 1024]
PNG = small_png()
IMAGE = base64.b64encode(PNG).decode()
TEXT = "a photo of a cat"
NOT_READ = "Not a supported image, or a damaged one: send JPEG, PNG, WebP, GIF, TIFF or BMP"
NONE: Mapping[str, str] = {}


def basic(key: str, user: str = "imgvec") -> str:
    """The header that Go makes of `https://user:key@host`."""
    return "Basic " + base64.b64encode(f"{user}:{key}".encode()).decode()


def ask(
    place: Place,
    body: object,
    width: int = 512,
    authorization: str | None = None,
    headers: Mapping[str, str] = NONE,
) -> httpx2.Response:
    """A request as Weaviate makes it: JSON without a content type."""
    shown = basic(place.key) if authorization is None else authorization
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {**({"Authorization": shown} if shown else {}), **headers}
    return place.client.post(f"/weaviate/{width}/vectorize", content=content, headers=sent)


def vectors(response: httpx2.Response) -> tuple[list[bytes], list[bytes]]:
    """The bits of the vectors of texts and images."""
    assert response.status_code == 200, response.text
    content = response.json()
    assert set(content) == {"textVectors", "imageVectors"}
    return [bits(one) for one in content["textVectors"]], [
        bits(one) for one in content["imageVectors"]
    ]


@pytest.mark.parametrize("width", WIDTHS)
def test_texts_and_images_in_order(place: Place, cat: bytes, width: int) -> None:
    photo = base64.b64encode(cat).decode()
    response = ask(place, {"texts": [TEXT, "a dog"], "images": [photo, IMAGE, photo]}, width)
    texts, images = vectors(response)
    for vector in response.json()["textVectors"] + response.json()["imageVectors"]:
        assert_unit(vector, width)
    assert_made_headers(response, width)
    assert response.headers["Content-Type"] == "application/json"
    assert images[0] == images[2] != images[1]
    assert texts[0] != texts[1]
    alone = [vectors(ask(place, {"images": [one]}, width))[1] for one in (photo, IMAGE)]
    assert [images[:1], images[1:2]] == alone
    assert vectors(ask(place, {"texts": [TEXT]}, width))[0] == texts[:1]


def test_the_same_bits_as_in_another_dialect(place: Place) -> None:
    body = {"img": IMAGE, "dimension": 512, "key": place.key}
    known = place.client.post("/imgembed", json=body).json()["embedding"]
    assert vectors(ask(place, {"images": [IMAGE]}))[1] == [bits(known)]
    headers = {"x-api-key": place.key}
    known = place.client.post("/api/ai/embed", json={"text": TEXT}, headers=headers).json()
    assert vectors(ask(place, {"texts": [TEXT]}, 768))[0] == [bits(known["embedding"])]


@pytest.mark.parametrize("absent", [{"texts": None}, {"texts": []}, {}], ids=str)
def test_nearimage_has_no_texts(place: Place, absent: dict[str, object]) -> None:
    response = ask(place, {**absent, "images": [IMAGE]})
    assert response.json()["textVectors"] == []
    assert len(response.json()["imageVectors"]) == 1


@pytest.mark.parametrize("absent", [{"images": None}, {"images": []}, {}], ids=str)
def test_neartext_has_no_images(place: Place, absent: dict[str, object]) -> None:
    response = ask(place, {"texts": [TEXT], **absent})
    assert response.json()["imageVectors"] == []
    assert len(response.json()["textVectors"]) == 1


def test_an_empty_text_has_a_vector(place: Place) -> None:
    """Weaviate sends the empty text fields of an object too, and gives each vector its weight."""
    response = ask(place, {"texts": ["", TEXT], "images": []})
    assert_unit(response.json()["textVectors"][0], 512)
    assert vectors(response)[0][1:] == vectors(ask(place, {"texts": [TEXT]}))[0]


@pytest.mark.parametrize(
    "written",
    [
        IMAGE,
        IMAGE.rstrip("="),
        IMAGE.translate(str.maketrans("+/", "-_")),
        data_uri(PNG, "image/png"),
    ],
    ids=["base64", "unpadded", "URL-safe", "data URI"],
)
def test_an_image_however_it_is_written(place: Place, written: str) -> None:
    assert vectors(ask(place, {"images": [written]})) == vectors(ask(place, {"images": [IMAGE]}))


def test_an_image_by_its_url(place: Place, pictures: PictureServer) -> None:
    url = pictures.url("weaviate.png", PNG)
    assert vectors(ask(place, {"images": [url]})) == vectors(ask(place, {"images": [IMAGE]}))


@pytest.mark.parametrize(
    "media_type",
    ["application/json", "application/octet-stream", "application/x-www-form-urlencoded", "x"],
)
def test_the_content_type_is_not_judged(place: Place, media_type: str) -> None:
    body = json.dumps({"texts": [TEXT]}).encode()
    if place.name == "start-api" and media_type != "application/json":
        pytest.skip("the emulator makes base64 of other types")
    assert len(vectors(ask(place, body, headers={"Content-Type": media_type}))[0]) == 1


@pytest.mark.parametrize("user", ["imgvec", ""])
def test_the_key_is_the_password_of_any_user(place: Place, user: str) -> None:
    assert ask(place, {"texts": [TEXT]}, authorization=basic(place.key, user)).is_success
    assert ask(place, {"texts": [TEXT]}, authorization=f"bAsIc  {basic(place.key)[6:]}").is_success


def test_other_places_of_the_key(place: Place) -> None:
    assert ask(place, {"texts": [TEXT]}, authorization=f"Bearer {place.key}").is_success
    assert ask(
        place, {"texts": [TEXT]}, authorization="", headers={"x-api-key": place.key}
    ).is_success


@pytest.mark.parametrize(
    "authorization",
    ["", "Basic", "Basic =", "Basic A", "Basic //79", "Basic AAAA", basic(""), basic("junk")],
)
def test_a_missing_or_wrong_key_is_401(place: Place, authorization: str) -> None:
    assert_weaviate_error(ask(place, {"texts": [TEXT]}, authorization=authorization), 401)


def test_a_key_elsewhere_and_an_unknown_one(place: Place) -> None:
    shown = basic("", user=place.key)
    assert_weaviate_error(ask(place, {"texts": [TEXT]}, authorization=shown), 401)
    for other in (place.key, basic(mint())):
        assert_weaviate_error(ask(place, {"texts": [TEXT]}, authorization=other), 401)


def test_a_revoked_key_and_another_consumers(place: Place) -> None:
    revoked = ask(place, {"texts": [TEXT]}, authorization=basic(place.revoked_key))
    assert_weaviate_error(revoked, 401)
    assert ask(place, {"texts": [TEXT]}, authorization=basic(place.other_key)).is_success


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "There is nothing to embed"),
        ({"texts": None, "images": None}, "There is nothing to embed"),
        ({"texts": "a cat"}, "'texts' must be a list of strings"),
        ({"texts": [1]}, "texts[0]: A text must be a string"),
        ({"texts": [TEXT, None]}, "texts[1]: A text must be a string"),
        ({"images": IMAGE}, "'images' must be a list of strings"),
        ({"images": {"0": IMAGE}}, "'images' must be a list of strings"),
        ({"images": [IMAGE, ""]}, "images[1]: An image must be a URL, a data URI or base64"),
        ({"images": [IMAGE, "***"]}, "images[1]: The image is not valid base64"),
        (
            {"images": [IMAGE, IMAGE, "aGVsbG8="]},
            f"images[2]: {NOT_READ}",
        ),
        (
            {"texts": [TEXT], "images": ["aGVsbG8="]},
            f"images[0]: {NOT_READ}",
        ),
        (
            {"texts": [TEXT, data_uri(PNG)]},
            "texts[1]: This is an image, give it in 'images'",
        ),
        ({"texts": ["a"] * 2049}, "There are 2049 inputs, and a request may have 2048"),
        ({"images": [IMAGE] * 97}, "There are 97 images, and a request may have 96"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_bad_body_is_400_and_says_where(place: Place, body: object, message: str) -> None:
    response = ask(place, body)
    assert_weaviate_error(response, 400)
    assert response.json()["error"] == message


@pytest.mark.parametrize("content", [b"{", b"[]", b"null", b"texts=a", b'{"texts": ["\xff"]}'])
def test_a_body_that_is_no_object(place: Place, content: bytes) -> None:
    assert_weaviate_error(ask(place, content), 400)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("probe", ["ready", "live"])
@pytest.mark.parametrize("shown", [{}, {"Authorization": basic("junk")}], ids=["none", "wrong"])
def test_weaviate_waits_for_it_without_a_key(
    place: Place, width: int, probe: str, shown: dict[str, str]
) -> None:
    response = place.client.get(f"/weaviate/{width}/.well-known/{probe}", headers=shown)
    assert (response.status_code, response.content) == (204, b"")


@pytest.mark.parametrize("width", WIDTHS)
def test_meta_names_the_encoder_without_a_key(place: Place, width: int) -> None:
    response = place.client.get(f"/weaviate/{width}/meta")
    made = ask(place, {"texts": [TEXT]}, width).headers
    assert response.status_code == 200
    assert response.json() == {
        "model": made["X-Embedding-Model"],
        "revision": made["X-Embedding-Revision"],
        "dimensions": width,
    }


def test_a_path_is_appended_to_the_address_as_it_stands(place: Place) -> None:
    """`CLIP_INFERENCE_API` is one string, which Weaviate puts before each path."""
    key = urllib.parse.quote(place.key)
    base = str(place.client.base_url).rstrip("/").replace("://", f"://imgvec:{key}@")
    response = place.client.post(f"{base}/weaviate/512/vectorize", content=b'{"texts": ["a"]}')
    assert len(vectors(response)[0]) == 1


# Counted, rejected, switched off.


@pytest.mark.parametrize("place", ["in-process"], indirect=True)
def test_each_input_counts_and_a_failure_does_not(place: Place) -> None:
    def counted() -> int:
        rows = json.loads(
            imgvec("usage", "--by", "dialect", "--json", environment=place.environment).stdout
        )
        return sum(row["images"] for row in rows if row["dialect"] == "weaviate")

    before = counted()
    assert ask(place, {"texts": [TEXT, TEXT], "images": [IMAGE]}).is_success
    assert counted() == before + 3
    assert_weaviate_error(ask(place, {"texts": [TEXT], "images": [IMAGE, "aGVsbG8="]}), 400)
    assert counted() == before + 3
    header = {"Idempotency-Key": "weaviate-1"}
    first, again = (ask(place, {"texts": [TEXT]}, headers=header) for _ in range(2))
    assert vectors(first) == vectors(again)
    assert counted() == before + 4


@pytest.fixture
def off(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """An application with 768 dimensions off, whose answers are short."""
    environment = {
        **server_environment(tmp_path_factory.mktemp("off"), NOBODY),
        "IMGVEC_ALIASES_OFF": "weaviate:multi2vec-clip:768",
        "IMGVEC_MAX_ANSWER": "20000",
    }
    key, _ = create_key("first", environment)
    with TestClient(create_app(load_settings(environment))) as client:
        yield Place("off", client, key, "", "", environment)


def test_dimensions_that_are_off_are_400_and_never_ready(off: Place) -> None:
    for response in (
        ask(off, {"texts": [TEXT]}, 768),
        off.client.get("/weaviate/768/meta"),
        off.client.get("/weaviate/768/.well-known/ready"),
    ):
        assert_weaviate_error(response, 400)
        assert "multi2vec-clip is not served here in dimension 768" in response.text
    assert ask(off, {"texts": [TEXT]}, 512).is_success
    assert off.client.get("/weaviate/512/.well-known/ready").is_success


def test_an_answer_that_would_be_too_large_is_rejected_before_any_work(off: Place) -> None:
    response = ask(off, {"texts": [TEXT], "images": ["aGVsbG8="] * 2})
    assert_weaviate_error(response, 400)
    assert "send at most 2 a request" in response.text
