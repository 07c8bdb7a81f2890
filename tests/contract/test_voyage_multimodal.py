"""`/v1/multimodalembeddings`, as Voyage is asked."""

import base64

import httpx2
import numpy as np
import pytest

from tests.support.contract.checks import (
    assert_made_headers,
    assert_openai_error,
    assert_unit,
    bits,
    data_uri,
    small_png,
)
from tests.support.server.places import CAT, PictureServer, Place

PATHS = ["/v1/multimodalembeddings", "/voyage/v1/multimodalembeddings"]
URI = data_uri(small_png(), "image/png")
TEXT_PART = {"type": "text", "text": "a cat"}
IMAGE_PART = {"type": "image_base64", "image_base64": URI}


def ask(place: Place, *contents: object, path: str = PATHS[0], **more: object) -> httpx2.Response:
    """Ask for inputs of these contents."""
    body = {
        "model": "voyage-multimodal-3",
        "inputs": [{"content": content} for content in contents],
        **more,
    }
    return place.client.post(path, json=body, headers={"Authorization": f"Bearer {place.key}"})


@pytest.mark.parametrize("path", PATHS)
def test_inputs_of_parts(place: Place, path: str) -> None:
    response = ask(place, [TEXT_PART], [IMAGE_PART], [TEXT_PART, IMAGE_PART], path=path)
    assert response.status_code == 200, response.text
    content = response.json()
    assert set(content) == {"object", "model", "data", "usage"}
    text, image, both = [np.array(one["embedding"], np.float32) for one in content["data"]]
    assert_unit(text.tolist(), 1024)
    total = text.astype(np.float64) + image
    assert bits(both) == bits(total / np.linalg.norm(total))
    assert_made_headers(response, 1024)


def test_usage_has_all_that_the_client_reads(place: Place) -> None:
    """The pixels are those of the pictures as they were sent."""
    cat = {"type": "image_base64", "image_base64": base64.b64encode(CAT.read_bytes()).decode()}
    usage = ask(place, [TEXT_PART, cat], [IMAGE_PART]).json()["usage"]
    tokens = ask(place, [TEXT_PART]).json()["usage"]["text_tokens"]
    image = ask(place, [IMAGE_PART]).json()["usage"]["total_tokens"]
    assert min(tokens, image) > 0
    assert usage == {
        "text_tokens": tokens,
        "image_pixels": 451 * 300 + 24 * 24,
        "video_pixels": 0,
        "total_tokens": tokens + 2 * image,
    }


IMAGES: dict[str, object] = {
    "image_url": {"type": "image_url", "image_url": URI},
    "image_url as an object": {"type": "image_url", "image_url": {"url": URI}},
    "bare base64": {"type": "image_base64", "image_base64": URI.partition(",")[2]},
    "a text that is a data URI": {"type": "text", "text": URI},
}


@pytest.mark.parametrize("form", list(IMAGES))
def test_every_form_of_an_image(place: Place, form: str) -> None:
    expected = ask(place, [IMAGE_PART]).json()["data"]
    assert ask(place, [IMAGES[form]]).json()["data"] == expected


def test_an_image_by_url_beside_one_in_base64(place: Place, pictures: PictureServer) -> None:
    url = {"type": "image_url", "image_url": pictures.url("voyage.png", small_png())}
    one, other = ask(place, [url], [IMAGE_PART]).json()["data"]
    assert bits(one["embedding"]) == bits(other["embedding"])


@pytest.mark.parametrize("name", ["output_encoding", "encoding_format"])
@pytest.mark.parametrize(
    ("kind", "dtype"), [(None, "<f4"), ("int8", "i1"), ("binary", "i1"), ("ubinary", "u1")]
)
def test_base64_of_each_type(place: Place, name: str, kind: str | None, dtype: str) -> None:
    (plain,) = ask(place, [IMAGE_PART], output_dtype=kind).json()["data"]
    (packed,) = ask(place, [IMAGE_PART], output_dtype=kind, **{name: "base64"}).json()["data"]
    read = np.frombuffer(base64.b64decode(packed["embedding"]), dtype)
    assert np.array(plain["embedding"], dtype).tobytes() == read.tobytes()


def test_dimensions(place: Place) -> None:
    wide = ask(place, [IMAGE_PART], model="voyage-multimodal-3.5", output_dimension=512)
    assert len(wide.json()["data"][0]["embedding"]) == 512
    fixed = ask(place, [IMAGE_PART], output_dimension=512)
    assert_openai_error(fixed, 400)
    assert fixed.json()["error"]["param"] == "output_dimension"


BAD: dict[str, tuple[object, str]] = {
    "no content": ([], "inputs[1]: "),
    "video": ([{"type": "video_url", "video_url": "http://example.com/a.mp4"}], "inputs[1]: "),
    "an empty text": ([{"type": "text", "text": ""}], "inputs[1]: "),
    "no image": ([{"type": "image_base64", "image_base64": "aGVsbG8="}], "inputs[1]: Not a sup"),
}


@pytest.mark.parametrize("case", list(BAD))
def test_the_input_at_fault_is_named(place: Place, case: str) -> None:
    content, message = BAD[case]
    response = ask(place, [TEXT_PART], content)
    assert_openai_error(response, 400)
    assert response.json()["detail"].startswith(message)
    assert response.json()["error"]["param"] == "inputs"


def test_without_inputs_and_of_an_unknown_model(place: Place) -> None:
    assert_openai_error(ask(place, inputs=[]), 400)
    assert_openai_error(ask(place, inputs=None), 400)
    assert_openai_error(ask(place, [TEXT_PART], model="voyage-none"), 400)
