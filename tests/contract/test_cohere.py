"""Cohere: `/v2/embed`, `/v1/embed` and `/v1/check-api-key`, at the root and below `/cohere`."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import numpy as np
import pytest
from starlette.testclient import TestClient

from imgvec.app import create_app
from imgvec.settings import load_settings
from tests.support.contract.checks import (
    NOT_FOUND,
    assert_cohere_error,
    assert_made_headers,
    assert_unit,
    bits,
    data_uri,
    png_of,
    small_png,
)
from tests.support.server.places import (
    PictureServer,
    Place,
    create_key,
    imgvec,
    server_environment,
)

V1, V2 = "/v1/embed", "/v2/embed"
CHECK = "/v1/check-api-key"
MODEL = "embed-english-v3.0"
TEXT = "a photo of a cat"
URI = data_uri(small_png(), "image/png")
FACTS = {"width": 24, "height": 24, "format": "png", "bit_depth": 24}
ALL_TYPES = ["float", "int8", "uint8", "binary", "ubinary", "base64"]
LONG = "word " * 200


def ask(place: Place, path: str = V2, **body: Any) -> httpx2.Response:
    """Send a JSON body with a good key."""
    headers = {"Authorization": f"Bearer {place.key}"}
    return place.client.post(path, json={"model": MODEL, **body}, headers=headers)


def answer(place: Place, path: str = V2, **body: Any) -> Any:
    """The body of a good answer."""
    response = ask(place, path, **body)
    assert response.status_code == 200, response.text
    return response.json()


def vectors(place: Place, **body: Any) -> list[bytes]:
    """Bits of the vectors as floats."""
    return [bits(one) for one in answer(place, **body)["embeddings"]["float"]]


def message(response: httpx2.Response, status: int) -> str:
    """The sentence of an error in the vendor's envelope."""
    assert_cohere_error(response, status)
    sentence: str = response.json()["message"]
    return sentence


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def image(value: object = URI) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": value}}


def counted(place: Place) -> int:
    """Units of all that this dialect has answered."""
    listed = imgvec("usage", "--by", "dialect", "--json", environment=place.environment)
    return sum(row["images"] for row in json.loads(listed.stdout) if row["dialect"] == "cohere")


@pytest.mark.parametrize("mount", ["", "/cohere"])
def test_version_2(place: Place, mount: str) -> None:
    response = ask(place, mount + V2, texts=[TEXT, "a dog"], input_type="search_document")
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/json"
    assert_made_headers(response, 1024)
    content = response.json()
    assert list(content) == ["id", "response_type", "embeddings", "texts", "images", "meta"]
    assert content["response_type"] == "embeddings_by_type"
    assert list(content["embeddings"]) == ["float"]
    first, second = content["embeddings"]["float"]
    assert_unit(first, 1024)
    assert [bits(first)] == vectors(place, texts=[TEXT])
    assert bits(first) != bits(second)
    assert (content["texts"], content["images"]) == ([TEXT, "a dog"], [])
    tokens = content["meta"]["billed_units"].pop("input_tokens")
    assert content["meta"] == {"api_version": {"version": "2"}, "billed_units": {}}
    assert type(tokens) is int
    assert tokens > 4


@pytest.mark.parametrize("mount", ["", "/cohere"])
def test_version_1_answers_a_plain_list(place: Place, mount: str) -> None:
    content = answer(place, mount + V1, texts=[TEXT])
    assert content["response_type"] == "embeddings_floats"
    assert [bits(one) for one in content["embeddings"]] == vectors(place, texts=[TEXT])
    assert content["texts"] == [TEXT]
    assert content["meta"]["api_version"] == {"version": "1"}


def test_version_1_by_type(place: Place) -> None:
    content = answer(place, V1, texts=[TEXT], embedding_types=["int8", "float"])
    assert content["response_type"] == "embeddings_by_type"
    assert set(content["embeddings"]) == {"int8", "float"}
    assert [bits(one) for one in content["embeddings"]["float"]] == vectors(place, texts=[TEXT])


def test_ids_are_of_the_request(place: Place) -> None:
    response = ask(place, texts=[TEXT])
    shown = response.headers["X-Request-Id"].replace("-", "")
    assert response.json()["id"].replace("-", "") == shown
    failed = ask(place, texts=[])
    assert_cohere_error(failed, 400)
    assert failed.json()["id"] != response.json()["id"]


@pytest.mark.parametrize(("path", "version"), [(V1, "1"), (V2, "2")])
def test_images(place: Place, pictures: PictureServer, path: str, version: str) -> None:
    url = pictures.url("cohere.png", small_png())
    given = [URI, url, URI.partition(",")[2], URI.replace("image/png", "image/jpg")]
    content = answer(
        place, path, images=given, input_type="image", embedding_types=["float", "base64"]
    )
    expected = vectors(place, images=[URI], input_type="search_document")
    assert [bits(one) for one in content["embeddings"]["float"]] == expected * 4
    assert content["images"] == [FACTS] * 4
    assert content["texts"] == []
    assert content["meta"] == {
        "api_version": {"version": version},
        "billed_units": {"images": 4},
    }


def test_facts_of_a_photo(place: Place, cat: bytes) -> None:
    (facts,) = answer(place, images=[data_uri(cat)])["images"]
    assert facts == {"width": 451, "height": 300, "format": "jpeg", "bit_depth": 24}


def test_the_same_bits_as_another_dialect(place: Place) -> None:
    body = {"key": place.key, "img": URI.partition(",")[2]}
    other = place.client.post("/imgembed", json=body).json()["embedding"]
    assert vectors(place, images=[URI]) == [bits(other)]


IMAGE_PARTS: dict[str, dict[str, Any]] = {
    "image_url": image(),
    "a string": {"type": "image_url", "image_url": URI},
    "the guide's form": {"type": "image", "image": URI},
    "a text that is a data URI": text(URI),
    "with white space around": text(f" {URI}\n"),
}


@pytest.mark.parametrize("form", list(IMAGE_PARTS))
def test_inputs_of_one_part_are_that_parts_vector(place: Place, form: str) -> None:
    content = answer(place, inputs=[{"content": [IMAGE_PARTS[form]]}, {"content": [text(TEXT)]}])
    expected = vectors(place, images=[URI]) + vectors(place, texts=[TEXT])
    assert [bits(one) for one in content["embeddings"]["float"]] == expected
    assert (content["texts"], content["images"]) == ([TEXT], [FACTS])
    assert content["meta"]["billed_units"]["images"] == 1


def test_an_input_of_several_parts_is_their_sum(place: Place) -> None:
    parts = [text(TEXT), image(), text("a dog")]
    (found,) = vectors(place, inputs=[{"content": parts}])
    alone = vectors(place, images=[URI]) + vectors(place, texts=[TEXT, "a dog"])
    shown, cat, dog = (np.frombuffer(one, np.float32).astype(np.float64) for one in alone)
    total = cat + shown + dog
    assert found == bits(total / np.linalg.norm(total))


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("data: a column of a table", id="a word"),
        pytest.param("data:image/png;base64,aGk= (see above)", id="more behind it"),
        pytest.param("https://example.com/cat.png", id="a URL"),
    ],
)
def test_a_text_that_is_no_image_stays_one(place: Place, value: str) -> None:
    content = answer(place, inputs=[{"content": [text(value)]}])
    assert content["texts"] == [value]
    assert [bits(one) for one in content["embeddings"]["float"]] == vectors(place, texts=[value])


@pytest.mark.parametrize(
    ("model", "asked", "dimensions"),
    [
        ("embed-english-v3.0", None, 1024),
        ("embed-english-v3.0", 0, 1024),
        ("embed-multilingual-v3.0", 1024, 1024),
        ("embed-v4.0", 512, 512),
        ("embed-v4.0", 1024, 1024),
    ],
)
def test_models(place: Place, model: str, asked: int | None, dimensions: int) -> None:
    response = ask(place, model=model, texts=[TEXT], output_dimension=asked)
    assert_unit(response.json()["embeddings"]["float"][0], dimensions)
    assert_made_headers(response, dimensions)


def test_the_id_of_an_encoder_is_a_model(place: Place) -> None:
    name = ask(place, texts=[TEXT]).headers["X-Embedding-Model"]
    for dimensions in (512, 768, 1024):
        response = ask(place, model=name, texts=[TEXT], output_dimension=dimensions)
        assert_made_headers(response, dimensions)
        assert response.headers["X-Embedding-Model"] == name
    assert name in message(ask(place, model="embed-english-light-v3.0", texts=[TEXT]), 404)


def in_type(vector: bytes, kind: str, scale: float) -> object:
    """A vector in a type, by its definition."""
    floats = np.frombuffer(vector, "<f4")
    rounded = [int(max(-127, min(127, round(float(one) * scale)))) for one in floats]
    ones = "".join("1" if one > 0 else "0" for one in floats)
    octets = [int(ones[at : at + 8], 2) for at in range(0, len(ones), 8)]
    return {
        "float": [float(one) for one in floats],
        "int8": rounded,
        "uint8": [one + 128 for one in rounded],
        "ubinary": octets,
        "binary": [one - 128 for one in octets],
        "base64": base64.b64encode(vector).decode(),
    }[kind]


@pytest.mark.parametrize("path", [V1, V2])
def test_all_types_at_once(place: Place, path: str) -> None:
    response = ask(place, path, images=[URI, data_uri(png_of(40))], embedding_types=ALL_TYPES)
    content = response.json()["embeddings"]
    assert set(content) == set(ALL_TYPES)
    scale = float(response.headers["X-Embedding-Scale"])
    for place_, vector in enumerate(content["float"]):
        for kind in ALL_TYPES:
            found = content[kind][place_]
            expected = in_type(bits(vector), kind, scale)
            assert bits(found) == bits(expected) if kind == "float" else found == expected, kind


@pytest.mark.parametrize("kind", ALL_TYPES)
def test_one_type(place: Place, kind: str) -> None:
    response = ask(place, images=[URI], embedding_types=[kind, kind], output_dimension=1024)
    assert response.status_code == 200, response.text
    (found,) = response.json()["embeddings"][kind]
    assert list(response.json()["embeddings"]) == [kind]
    assert ("X-Embedding-Scale" in response.headers) == (kind in ("int8", "uint8"))
    length = {"binary": 128, "ubinary": 128, "base64": len(base64.b64encode(bytes(4096)))}
    assert len(found) == length.get(kind, 1024)


def test_null_and_unknown_fields_are_as_absent(place: Place) -> None:
    nothing = dict.fromkeys(
        ("images", "inputs", "embedding_types", "truncate", "input_type", "output_dimension")
    )
    assert vectors(place, texts=[TEXT], **nothing, max_tokens=4, priority=0) == vectors(
        place, texts=[TEXT]
    )


@pytest.mark.parametrize("purpose", ["search_query", "search_document", "clustering"])
def test_the_purpose_changes_no_vector(place: Place, purpose: str) -> None:
    assert vectors(place, texts=[TEXT], input_type=purpose) == vectors(place, texts=[TEXT])


@pytest.mark.parametrize("truncate", ["NONE", "START"])
def test_a_text_that_would_be_cut(place: Place, truncate: str) -> None:
    both = ["a cat", LONG]
    assert vectors(place, texts=both, truncate="END") == vectors(place, texts=both)
    assert vectors(place, texts=both[:1], truncate=truncate) == vectors(place, texts=both[:1])
    said = message(ask(place, texts=both, truncate=truncate), 400)
    assert said.startswith("texts[1]: The text has ")


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no model": ({"model": None, "texts": ["a"]}, "'model' is missing"),
    "no width": ({"model": "embed-v4.0", "texts": ["a"]}, "'output_dimension': 512, 1024"),
    "1536": ({"model": "embed-v4.0", "texts": ["a"], "output_dimension": 1536}, "512, 1024"),
    "v3 at 512": ({"texts": ["a"], "output_dimension": 512}, "must be one of: 1024"),
    "no list": ({}, "exactly one of 'texts', 'images', 'inputs'"),
    "two lists": ({"texts": ["a"], "images": [URI]}, "exactly one of"),
    "empty list": ({"images": []}, "'images' must be a list that is not empty"),
    "one string": ({"texts": "a"}, "'texts' must be a list"),
    "97": ({"texts": ["a"] * 97}, "There are 97 inputs, and a request may have 96"),
    "empty text": ({"texts": ["a", ""]}, "texts[1]: A text must be a string"),
    "a number": ({"texts": [1]}, "texts[0]: A text must be a string"),
    "an image as a text": ({"texts": ["a", "b", URI]}, "texts[2]: This is an image"),
    "input_type image": ({"texts": ["a"], "input_type": "image"}, "give 'images'"),
    "input_type": ({"texts": ["a"], "input_type": "poem"}, "'input_type' must be one of"),
    "truncate": ({"texts": ["a"], "truncate": "MIDDLE"}, "'truncate' must be one of: NONE"),
    "types": ({"texts": ["a"], "embedding_types": ["float16"]}, "'embedding_types' must be"),
    "no types": ({"texts": ["a"], "embedding_types": []}, "'embedding_types' must be"),
    "a path": ({"images": [URI, "cat.jpg"]}, "images[1]: The image is not valid base64"),
    "no image": ({"images": [URI, "data:image/png;base64,aGk="]}, "images[1]: Not a supported"),
    "a part": ({"inputs": [{"content": [text("a"), {"type": "video"}]}]}, "inputs[0]: A part's"),
    "no content": ({"inputs": [{"content": [image()]}, {}]}, "inputs[1]: 'content' must be"),
    "no address": ({"inputs": [{"content": [image(None)]}]}, "inputs[0]: An image must be"),
}


@pytest.mark.parametrize("name", list(BAD))
def test_bad_requests_say_what_is_wrong(place: Place, name: str) -> None:
    body, said = BAD[name]
    assert said in message(ask(place, **body), 400)


def test_version_1_knows_no_inputs(place: Place) -> None:
    said = message(ask(place, V1, inputs=[{"content": [text("a")]}]), 400)
    assert said == "Give exactly one of 'texts', 'images'"


def test_fields_are_judged_in_order(place: Place) -> None:
    wrong: dict[str, Any] = {"output_dimension": 7, "embedding_types": 7, "texts": 7}
    assert "model" in message(ask(place, model="nothing", **wrong), 404)
    assert "dimension" in message(ask(place, **wrong), 400)
    wrong["output_dimension"] = None
    assert "embedding_types" in message(ask(place, **wrong), 400)


def test_a_missing_content_type_is_json(place: Place) -> None:
    content = json.dumps({"model": MODEL, "texts": [TEXT]}).encode()
    headers = {"Authorization": f"Bearer {place.key}"}
    assert place.client.post(V2, content=content, headers=headers).status_code == 200


KEYS: dict[str, Callable[[str], dict[str, str]]] = {
    "bearer": lambda key: {"Authorization": f"Bearer {key}"},
    "bearer in lower case": lambda key: {"Authorization": f"bearer {key}"},
    "x-api-key": lambda key: {"x-api-key": key},
    "both": lambda key: {"x-api-key": key, "Authorization": f"Bearer {key}"},
}


@pytest.mark.parametrize("way", list(KEYS))
def test_where_a_key_may_be(place: Place, way: str) -> None:
    body = {"model": MODEL, "texts": [TEXT]}
    assert place.client.post(V2, json=body, headers=KEYS[way](place.key)).status_code == 200
    assert_cohere_error(place.client.post(V2, json=body, headers=KEYS[way](place.key[:-1])), 401)


def test_where_no_key_is_looked_for(place: Place) -> None:
    body = {"model": MODEL, "texts": [TEXT], "key": place.key, "api_key": place.key}
    params = {"key": place.key}
    raw = {"Authorization": place.key}
    assert_cohere_error(place.client.post(V2, json=body, params=params, headers=raw), 401)


@pytest.mark.parametrize("mount", ["", "/cohere"])
def test_a_key_is_checked(place: Place, mount: str) -> None:
    headers = {"Authorization": f"Bearer {place.key}"}
    response = place.client.post(mount + CHECK, headers=headers)
    content = response.json()
    assert response.status_code == 200, response.text
    assert list(content) == ["valid", "organization_id", "owner_id"]
    assert content["valid"] is True
    assert content["owner_id"].startswith("k_")
    assert place.key not in response.text
    revoked = {"Authorization": f"Bearer {place.revoked_key}"}
    assert_cohere_error(place.client.post(mount + CHECK, headers=revoked), 401)


@pytest.mark.parametrize(
    "path", ["/v2", "/v2/chat", "/v1/embed-jobs/x", "/cohere", "/cohere/v1/chat", "/v1/embed/x"]
)
def test_unknown_paths(place: Place, path: str) -> None:
    response = place.client.post(path, json={})
    if path == "/v1/embed-jobs/x":
        # Paths below /v1 are another dialect's.
        assert response.status_code == 404
        assert "detail" in response.json()
        return
    assert message(response, 404) == NOT_FOUND


def test_all_or_nothing_and_each_part_counted(place: Place) -> None:
    before = counted(place)
    answer(place, texts=["a", "b", "c"])
    answer(place, inputs=[{"content": [text("a"), image()]}, {"content": [image()]}])
    assert counted(place) == before + 6
    for bad in ("data:image/png;base64,aGk=", "http://127.0.0.1:1/a.png"):
        assert "images[1]: " in message(ask(place, images=[URI, bad, URI]), 400)
    assert_cohere_error(ask(place, texts=["a", LONG], truncate="NONE"), 400)
    assert counted(place) == before + 6


def test_a_repeat_is_counted_once_and_another_request_is_rejected(place: Place) -> None:
    headers = {"x-api-key": place.key, "Idempotency-Key": uuid4().hex}
    body = {"model": MODEL, "texts": [TEXT]}
    first, again = (place.client.post(V2, json=body, headers=headers) for _ in range(2))
    assert first.json()["embeddings"] == again.json()["embeddings"]
    other = place.client.post(V1, json=body, headers=headers)
    assert_cohere_error(other, 400)


def test_texts_count_in_the_size_of_an_answer(tmp_path: Path, pictures: PictureServer) -> None:
    """They stand in it again; in a function's, JSON stands in a string."""
    limit = {"IMGVEC_MAX_ANSWER": "100000"}
    environment = {**server_environment(tmp_path, pictures), **limit}
    key, _ = create_key("first", environment)
    with TestClient(create_app(load_settings(environment))) as client:
        here = Place("limited", client, key, "", "", environment)
        for fits in (["a"] * 6, ["a" * 13_000] * 3, ["a" * 25_000]):
            assert len(answer(here, texts=fits)["texts"]) == len(fits)
        for over in (["a"] * 7, ["a" * 20_000] * 3, ['"' * 25_000]):
            assert "would be too large" in message(ask(here, texts=over), 400)
