"""`/v1/embeddings`, as OpenAI, Jina, infinity, vLLM and Voyage's texts are asked."""

import base64
import json
from typing import Any

import httpx2
import numpy as np
import pytest

from tests.support.contract.checks import (
    assert_made_headers,
    assert_openai_error,
    assert_unit,
    assert_voyage_error,
    bits,
    data_uri,
    png_of,
    small_png,
)
from tests.support.server.places import PictureServer, Place, imgvec

PATHS = [
    "/v1/embeddings",
    "/embeddings",
    "/openai/v1/embeddings",
    "/jina/v1/embeddings",
    "/infinity/embeddings",
    "/voyage/v1/embeddings",
]
MODEL = "jina-clip-v2"
URI = data_uri(small_png(), "image/png")
BASE64 = URI.partition(",")[2]


def ask(place: Place, given: object, path: str = PATHS[0], **more: Any) -> httpx2.Response:
    """Ask for `input`, with the key as a bearer."""
    headers = {"Authorization": f"Bearer {place.key}"}
    body = {"model": MODEL, "input": given, **more}
    return place.client.post(path, json=body, headers=headers)


def vectors(response: httpx2.Response) -> list[Any]:
    """The embeddings, whose indexes are checked."""
    assert response.status_code == 200, response.text
    data = response.json()["data"]
    assert [one["index"] for one in data] == list(range(len(data)))
    assert {one["object"] for one in data} == {"embedding"}
    return [one["embedding"] for one in data]


def one(place: Place, given: object, **more: Any) -> bytes:
    """The bits of the only vector."""
    (vector,) = vectors(ask(place, given, **more))
    return bits(vector)


def summed(*vectors: bytes) -> bytes:
    """The sum of unit vectors at norm 1, as float32."""
    total = sum(np.frombuffer(one, np.float32).astype(np.float64) for one in vectors)
    return bits(total / np.linalg.norm(total))


@pytest.mark.parametrize("path", PATHS)
def test_every_prefix_gives_the_same_answer(place: Place, path: str) -> None:
    response = ask(place, ["a cat", URI], path)
    content = response.json()
    text, image = vectors(response)
    assert set(content) == {"object", "model", "data", "usage"}
    assert (content["object"], content["model"]) == ("list", MODEL)
    singles = [ask(place, given).json()["usage"]["total_tokens"] for given in ("a cat", URI)]
    assert min(singles) > 0
    assert content["usage"] == {"prompt_tokens": sum(singles), "total_tokens": sum(singles)}
    assert_unit(text, 1024)
    assert bits(text) == one(place, "a cat") != bits(image) == one(place, [{"image": URI}])
    assert_made_headers(response, 1024)
    assert response.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("path", ["/imgembed", "/llmimgembed"])
def test_the_same_bits_as_another_dialect(place: Place, path: str) -> None:
    body = {"key": place.key, "img": BASE64, "dimension": 512}
    other = place.client.post(path, json=body).json()["embedding"]
    assert one(place, URI, dimensions=512) == bits(other)


IMAGES: dict[str, Any] = {
    "a data URI": URI,
    "of a wrong media type": URI.replace("image/png", "image/jpg"),
    "an object": {"image": URI},
    "bare base64": {"image": BASE64},
    "url": {"url": URI},
    "bytes": {"bytes": BASE64},
    "null beside it": {"image": URI, "text": None},
    "a part": {"content": [{"type": "image_url", "image_url": {"url": URI}}]},
    "a part that is a string": {"content": [{"type": "image_url", "image_url": URI}]},
    "a text that is a data URI": {"content": [{"type": "text", "text": URI}]},
    "image_base64": {"content": [{"type": "image_base64", "image_base64": BASE64}]},
    "a message": [{"role": "user", "content": [{"type": "image_url", "image_url": URI}]}],
}


@pytest.mark.parametrize("form", list(IMAGES))
def test_every_form_of_an_image(place: Place, form: str) -> None:
    given = IMAGES[form]
    expected = one(place, URI)
    assert one(place, given) == expected
    if form != "a message":
        assert bits(vectors(ask(place, [given, "a"]))[0]) == expected


def test_an_image_by_url(place: Place, pictures: PictureServer) -> None:
    url = pictures.url("openai.png", small_png())
    expected = one(place, URI)
    assert one(place, {"image": url}) == one(place, {"url": url}) == expected
    assert one(place, url, modality="image") == one(place, [BASE64], modality="image") == expected
    # Without a modality it is a text, as for OpenAI.
    assert one(place, url) == one(place, {"text": url}) != expected


TEXTS: dict[str, Any] = {
    "a string": "a cat",
    "a list": ["a cat"],
    "an object": {"text": "a cat"},
    "a part": {"content": [{"type": "text", "text": "a cat"}]},
    "content that is a string": {"content": "a cat"},
    "a message": [{"role": "user", "content": "a cat"}],
}


@pytest.mark.parametrize("form", list(TEXTS))
def test_every_form_of_a_text(place: Place, form: str) -> None:
    assert one(place, TEXTS[form]) == one(place, "a cat") != one(place, "a dog")


def test_several_parts_are_one_input(place: Place) -> None:
    text, image = one(place, "a cat"), one(place, URI)
    both = summed(text, image)
    parts = [{"type": "text", "text": "a cat"}, {"type": "image_url", "image_url": {"url": URI}}]
    assert one(place, {"text": "a cat", "image": URI}) == both
    assert one(place, {"content": parts}) == both
    said = [{"role": "system", "content": "a cat"}, {"role": "user", "content": parts[1:]}]
    assert one(place, said) == both
    assert one(place, None, messages=said) == both
    assert [bits(v) for v in vectors(ask(place, None, messages=[said, said[:1]]))] == [both, text]


@pytest.mark.parametrize(
    "names",
    [{"dimensions": 512}, {"output_dimension": 512}, {"dimensions": 512, "output_dimension": 512}],
)
def test_dimensions_by_any_name(place: Place, names: dict[str, Any]) -> None:
    (vector,) = vectors(ask(place, "a cat", **names))
    assert_unit(vector, 512)


def test_null_and_zero_are_absent_and_what_is_not_known_is_ignored(place: Place) -> None:
    expected = one(place, "a cat")
    for more in (
        {"dimensions": None, "output_dtype": None, "encoding_format": None, "messages": None},
        {"dimensions": 0},
        {"user": "me", "task": "retrieval.query", "normalized": False, "late_chunking": True},
        {"input_type": "query", "truncation": True, "truncate": "NONE", "priority": 1},
    ):
        assert one(place, "a cat", **more) == expected


def in_integers(vector: bytes, kind: str, scale: float) -> list[int]:
    """The definition, once more by hand."""
    values = np.frombuffer(vector, np.float32).astype(np.float64)
    whole = np.clip(np.rint(values * scale), -127, 127).astype(int)
    signs = [
        int("".join("01"[int(v > 0)] for v in values[at : at + 8]), 2)
        for at in range(0, len(values), 8)
    ]
    forms: dict[str, list[int]] = {
        "int8": whole.tolist(),
        "uint8": (whole + 128).tolist(),
        "ubinary": signs,
        "binary": [sign - 128 for sign in signs],
    }
    return forms[kind]


@pytest.mark.parametrize(
    ("kind", "dtype"), [("int8", "i1"), ("uint8", "u1"), ("binary", "i1"), ("ubinary", "u1")]
)
@pytest.mark.parametrize(
    "name", ["embedding_type", "encoding_type", "output_dtype", "encoding_format"]
)
def test_integers_and_bits(place: Place, kind: str, dtype: str, name: str) -> None:
    floats = one(place, URI)
    response = ask(place, URI, **{name: kind})
    (found,) = vectors(response)
    scale = float(response.headers.get("X-Embedding-Scale", 0))
    assert (scale > 0) == (kind in ("int8", "uint8"))
    assert found == in_integers(floats, kind, scale)
    if name != "encoding_format":
        (packed,) = vectors(ask(place, URI, encoding_format="base64", **{name: kind}))
        assert np.frombuffer(base64.b64decode(packed), dtype).tolist() == found


@pytest.mark.parametrize("name", ["encoding_format", "embedding_type", "output_encoding"])
def test_base64_is_the_floats_bit_for_bit(place: Place, name: str) -> None:
    (packed,) = vectors(ask(place, URI, **{name: "base64"}))
    assert base64.b64decode(packed, validate=True) == one(place, URI, encoding_format="float")


def test_integers_keep_the_direction(place: Place) -> None:
    floats = np.frombuffer(one(place, URI), np.float32)
    (found,) = vectors(ask(place, URI, output_dtype="int8"))
    whole = np.array(found, np.float64)
    assert floats @ whole / np.linalg.norm(whole) > 0.999


def test_a_key_in_either_header(place: Place) -> None:
    body = {"model": MODEL, "input": "a cat"}
    answer = place.client.post(PATHS[0], json=body, headers={"x-api-key": place.key})
    assert answer.status_code == 200
    both = {"x-api-key": place.other_key, "Authorization": f"Bearer {place.key}"}
    assert_openai_error(place.client.post(PATHS[0], json=body, headers=both), 401)


def test_json_without_a_content_type(place: Place) -> None:
    """As LiteLLM sends it to Voyage."""
    content = json.dumps({"model": MODEL, "input": "a cat"}).encode()
    headers = {"Authorization": f"Bearer {place.key}"}
    assert place.client.post(PATHS[0], content=content, headers=headers).status_code == 200


DEFAULTS = {
    "jina-clip-v1": 768,
    "jina-clip-v2": 1024,
    "jina-embeddings-v3": 1024,
    "voyage-multimodal-3": 1024,
    "voyage-multimodal-3.5": 1024,
    "voyage-3": 1024,
    "voyage-3.5": 1024,
    "voyage-3-large": 1024,
    "voyage-4": 1024,
    "embed-english-v3.0": 1024,
    "embed-multilingual-v3.0": 1024,
}
CLIP = ("clip", "openai/clip-vit-base-patch32")
"""Names of an encoder that some places serve."""
WITHOUT = ["embed-v4.0", "text-embedding-3-small", "text-embedding-3-large", "jina-embeddings-v4"]


def test_models_and_their_default_dimensions(place: Place) -> None:
    for model, dimensions in DEFAULTS.items():
        (vector,) = vectors(ask(place, "a cat", model=model))
        assert len(vector) == dimensions, model
    for model in WITHOUT:
        refused = ask(place, "a cat", model=model)
        assert_openai_error(refused, 400)
        assert "'dimensions': 512" in refused.json()["detail"]
        assert refused.json()["error"]["param"] == "dimensions"
        assert len(vectors(ask(place, "a cat", model=model, dimensions=512))[0]) == 512


@pytest.mark.parametrize("asked", [256, 1536, 2048, -1])
def test_dimensions_that_are_not_served(place: Place, asked: int) -> None:
    refused = ask(place, "a cat", model="text-embedding-3-small", dimensions=asked)
    assert_openai_error(refused, 400)
    assert refused.json()["error"]["param"] == "dimensions"


def test_the_id_of_an_encoder_is_a_model(place: Place) -> None:
    served = ask(place, URI, dimensions=512).headers["X-Embedding-Model"]
    named = ask(place, URI, model=served, dimensions=512)
    assert named.headers["X-Embedding-Model"] == named.json()["model"] == served
    assert bits(vectors(named)[0]) == one(place, URI, dimensions=512)
    assert len(vectors(ask(place, URI, model=served))[0]) in (512, 768, 1024)


def test_models_are_listed(place: Place) -> None:
    served = (ask(place, "a cat").headers["X-Embedding-Model"], *CLIP)
    headers = {"Authorization": f"Bearer {place.key}"}
    cohere = place.client.get("/cohere/v1/models", headers=headers)
    assert cohere.json() == place.client.get("/v1/models", headers=headers).json()
    for base in ("/v1", "/openai/v1", "/jina/v1", "/infinity", "/voyage/v1", ""):
        listed = place.client.get(f"{base}/models", headers=headers).json()
        names = [model["id"] for model in listed["data"]]
        assert [model["name"] for model in listed["models"]] == names
        assert {*DEFAULTS, *WITHOUT} == set(names) - {*served}
        assert listed["object"] == "list"
        assert listed["models"][0]["endpoints"] == ["embed", "embed_image"]
        for name in names[:2]:
            found = place.client.get(f"{base}/models/{name}", headers=headers)
            assert found.json() == listed["data"][names.index(name)]
    first = listed["data"][0]
    assert {**first, "created": 0} == {
        "id": served[0],
        "object": "model",
        "created": 0,
        "owned_by": "imgvec",
        "stats": {},
    }
    unknown = place.client.get("/v1/models/openai/clip-vit-large-patch14", headers=headers)
    assert_openai_error(unknown, 404)
    assert unknown.json()["error"]["code"] == "model_not_found"
    assert unknown.json()["detail"] == "Unknown model, GET /v1/models lists the names"


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "no model": ({"model": None}, "model", "'model' is missing"),
    "a model that is a number": ({"model": 7}, "model", "must be a string"),
    "nothing": ({"input": None}, "input", "exactly one of"),
    "both": ({"messages": [{"role": "user", "content": "a"}]}, "input", "exactly one of"),
    "an empty list": ({"input": []}, "input", "is empty"),
    "an empty text": ({"input": ["a", ""]}, "input", "input[1]: "),
    "null": ({"input": ["a", None]}, "input", "input[1]: "),
    "token ids": ({"input": [1, 2, 3]}, "input", "check_embedding_ctx_length=False"),
    "lists of token ids": ({"input": [[1, 2], [3]]}, "input", "check_embedding_ctx_length=False"),
    "an empty object": ({"input": {}}, "input", "input[0]: "),
    "two images": ({"input": {"image": URI, "url": URI}}, "input", "input[0]: "),
    "no content": ({"input": {"content": []}}, "input", "input[0]: "),
    "another part": ({"input": {"content": [{"type": "video_url"}]}}, "input", "input[0]: "),
    "no base64": ({"input": ["a", {"image": "!"}]}, "input", "input[1]: "),
    "no image": ({"input": ["a", {"image": "aGVsbG8="}]}, "input", "input[1]: Not a supported"),
    "audio": ({"modality": "audio"}, "modality", "'text' or 'image'"),
    "messages without roles": ({"input": None, "messages": [[{}]]}, "messages", "messages[0]: "),
    "no messages": ({"input": None, "messages": []}, "messages", "not empty"),
    "two dimensions": ({"dimensions": 512, "output_dimension": 768}, "dimensions", "differ"),
    "half dimensions": ({"dimensions": 512.5}, "dimensions", "must be an integer"),
    "another type": ({"output_dtype": "float16"}, "output_dtype", "must be one of"),
    "two types": ({"embedding_type": "int8", "output_dtype": "uint8"}, "output_dtype", "differs"),
    "another format": ({"encoding_format": "hex"}, "encoding_format", "must be one of"),
}


@pytest.mark.parametrize("case", list(BAD))
def test_a_parameter_at_fault_is_named(place: Place, case: str) -> None:
    body, param, message = BAD[case]
    more = {name: value for name, value in body.items() if name != "input"}
    response = ask(place, body.get("input", "a cat"), **more)
    assert_openai_error(response, 400)
    error = response.json()["error"]
    assert error["param"] == param
    assert message in error["message"]


VENDORS: dict[str, tuple[str, dict[str, Any], int]] = {
    "openai": ("/v1/embeddings", {}, 404),
    "jina by its prefix": ("/jina/v1/embeddings", {}, 400),
    "jina by its model": ("/v1/embeddings", {"model": "jina-none"}, 400),
    "jina by a field": ("/v1/embeddings", {"task": "x"}, 400),
    "voyage by its model": ("/v1/embeddings", {"model": "voyage-none"}, 400),
    "voyage by a field": ("/v1/embeddings", {"output_dtype": "int8"}, 400),
    "openai by its prefix": ("/openai/v1/embeddings", {"model": "jina-none"}, 404),
    "infinity": ("/infinity/embeddings", {"output_dimension": 512}, 404),
}


@pytest.mark.parametrize("case", list(VENDORS))
def test_an_unknown_model_has_the_status_of_its_vendor(place: Place, case: str) -> None:
    path, more, status = VENDORS[case]
    response = ask(place, "a cat", path, **{"model": "text-embedding-ada-002", **more})
    assert_openai_error(response, status)
    content = response.json()
    assert (content["error"]["code"], content["error"]["param"]) == ("model_not_found", "model")
    assert content["code"] == "INPUT_MODEL_NOT_FOUND"
    served = ask(place, "a cat").headers["X-Embedding-Model"]
    for name in (served, "text-embedding-3-small", "'dimensions'"):
        assert name in content["detail"]


def test_below_voyage_an_error_has_what_all_versions_of_its_client_read(place: Place) -> None:
    """`voyageai` before 0.5 fails on an object `error`, whatever the status."""
    for path in ("/voyage/v1/embeddings", "/voyage/v1/multimodalembeddings"):
        wrong = place.client.post(path, json={}, headers={"Authorization": "Bearer wrong"})
        assert_voyage_error(wrong, 401)
        assert_voyage_error(place.client.post(path, json={}), 401)
    body = {"model": "text-embedding-ada-002", "inputs": []}
    headers = {"Authorization": f"Bearer {place.key}"}
    assert_voyage_error(place.client.post(path, json=body, headers=headers), 400)
    assert_voyage_error(place.client.get("/voyage/v1/nothing"), 404)
    response = ask(place, "a cat", "/voyage/v1/embeddings", model="text-embedding-ada-002")
    assert_voyage_error(response, 400)
    assert "text-embedding-3-small" in response.json()["detail"]


def test_a_base_url_that_has_the_whole_path(place: Place) -> None:
    response = ask(place, "a cat", "/v1/embeddings/embeddings")
    assert_openai_error(response, 404)
    assert "The base URL ends in /v1" in response.json()["detail"]


@pytest.mark.parametrize("path", ["/v1/nothing", "/jina/nothing", "/infinity/nothing", "/voyage"])
def test_unknown_paths_are_this_dialects(place: Place, path: str) -> None:
    assert_openai_error(place.client.get(path), 404)


def test_more_than_the_limits(place: Place) -> None:
    many = ask(place, ["a"] * 2049)
    assert_openai_error(many, 400)
    assert "may have 2048" in many.json()["detail"]
    pictures = ask(place, [{"image": data_uri(png_of(9))}] * 97)
    assert_openai_error(pictures, 400)
    assert "may have 96" in pictures.json()["detail"]


@pytest.mark.parametrize("place", ["in-process"], indirect=True)
def test_each_part_is_one_unit_and_a_failure_none(place: Place) -> None:
    def counted() -> int:
        rows = json.loads(
            imgvec("usage", "--by", "dialect", "--json", environment=place.environment).stdout
        )
        return sum(row["images"] for row in rows if row["dialect"] == "openai")

    before = counted()
    assert ask(place, ["a", URI, {"text": "a", "image": URI}]).status_code == 200
    assert counted() == before + 4
    assert ask(place, ["a", URI, {"image": "aGVsbG8="}]).status_code == 400
    assert counted() == before + 4
