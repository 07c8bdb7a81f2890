"""`X-Embedding-Revision` in a request: vectors of that revision, or 412 and nothing done."""

import json
from typing import Any

import httpx2
import pytest

from tests.support.contract.checks import (
    NO_SUCH_HOST,
    ErrorCheck,
    assert_bedrock_error,
    assert_cohere_error,
    assert_coreviz_error,
    assert_memories_error,
    assert_pixlab_error,
    assert_weaviate_error,
    data_uri,
    small_png,
)
from tests.support.contract.embed_routes import V2
from tests.support.server.places import PictureServer, Place, imgvec

PNG = small_png()
HEADER = "X-Embedding-Revision"
LLM = {"Host": "llm.pixlab.example"}
OTHERS = ("0" * 12, "0" * 64)
MALFORMED = ("", "0" * 11, "0" * 13, "0" * 63, "g" * 12, "*", '"000000000000"', "0" * 12 + ",0")

Ask = tuple[str, str, dict[str, Any], ErrorCheck]


def routes(key: str, image: str) -> dict[str, Ask]:
    """Every route that embeds: method, path and the rest of a good request about an image."""
    memories = {"Authorization": key}
    model = {"model": "mobileclip"}
    body = {"key": key, "img": image}
    return {
        "coreviz": (
            "POST",
            "/api/ai/embeddings",
            {"json": {"image": image}, "headers": {"x-api-key": key}},
            assert_coreviz_error,
        ),
        "coreviz-sdk": (
            "POST",
            "/api/ai/embed",
            {"json": {"text": "a cat"}, "headers": {"x-api-key": key}},
            assert_coreviz_error,
        ),
        "pixlab": ("POST", "/imgembed", {"json": body}, assert_pixlab_error),
        "pixlab-query": ("GET", "/imgembed", {"params": body}, assert_pixlab_error),
        "pixlab-form": ("POST", "/imgembed", {"data": body}, assert_pixlab_error),
        "pixlab-llm": ("POST", "/llmimgembed", {"json": body}, assert_pixlab_error),
        "pixlab-host": ("POST", "/imgembed", {"json": body, "headers": LLM}, assert_pixlab_error),
        "cohere": (
            "POST",
            "/v2/embed",
            {
                "json": {"images": [image], "model": "embed-english-v3.0"},
                "headers": {"x-api-key": key},
            },
            assert_cohere_error,
        ),
        "memories-upload": (
            "POST",
            f"{V2}/embeddings/image",
            {"files": {"file": PNG}, "data": model, "headers": memories},
            assert_memories_error,
        ),
        "memories-url": (
            "POST",
            f"{V2}/embeddings/image",
            {"json": {"image_url": image, **model}, "headers": memories},
            assert_memories_error,
        ),
        "memories-text": (
            "POST",
            f"{V2}/embeddings/text",
            {"json": {"input": "a cat", **model}, "headers": memories},
            assert_memories_error,
        ),
        "weaviate": (
            "POST",
            "/weaviate/512/vectorize",
            {"json": {"images": [image]}, "headers": {"x-api-key": key}},
            assert_weaviate_error,
        ),
        "bedrock": (
            "POST",
            "/bedrock/model/amazon.titan-embed-image-v1/invoke",
            {"json": {"inputImage": image}, "headers": {"X-Amz-Security-Token": key}},
            assert_bedrock_error,
        ),
    }


ROUTES = list(routes("", ""))


def ask(
    place: Place, name: str, revision: str | None, image: str
) -> tuple[httpx2.Response, ErrorCheck]:
    method, path, rest, check = routes(place.key, image)[name]
    headers = {**rest.pop("headers", {}), **({} if revision is None else {HEADER: revision})}
    return place.client.request(method, path, headers=headers, **rest), check


def counted(place: Place) -> list[int]:
    listed = imgvec("keys", "list", "--json", environment=place.environment)
    return [row["embeddings"] for row in json.loads(listed.stdout)]


@pytest.mark.parametrize("name", ROUTES)
def test_the_revision_that_is_served_may_be_named(
    place: Place, pictures: PictureServer, name: str
) -> None:
    image = pictures.url("small.png", PNG) if name == "memories-url" else data_uri(PNG, "image/png")
    first, _ = ask(place, name, None, image)
    assert first.status_code == 200, first.text
    served = first.headers[HEADER]
    again, _ = ask(place, name, served.upper(), image)
    assert again.status_code == 200, again.text
    assert again.headers[HEADER] == served


@pytest.mark.parametrize("name", ROUTES)
def test_another_revision_is_412_and_nothing_is_done(place: Place, name: str) -> None:
    before = counted(place)
    for other in OTHERS:
        # Nobody fetches it: that would be another error.
        response, check = ask(place, name, other, NO_SUCH_HOST)
        check(response, 412)
        assert " is served, not the one in X-Embedding-Revision" in response.text
        assert HEADER not in response.headers
    assert counted(place) == before


def test_the_sentence_names_the_revision_that_is_served(place: Place) -> None:
    good, _ = ask(place, "coreviz-sdk", None, "")
    other, _ = ask(place, "coreviz-sdk", OTHERS[0], "")
    assert good.headers[HEADER] in other.json()["message"]


@pytest.mark.parametrize("name", ["coreviz", "pixlab", "memories-upload"])
@pytest.mark.parametrize("revision", MALFORMED)
def test_a_malformed_revision_is_400(place: Place, name: str, revision: str) -> None:
    response, check = ask(place, name, revision, NO_SUCH_HOST)
    check(response, 400)
    assert "12 or all 64 hexadecimal digits" in response.text


def test_a_key_and_a_parameter_are_judged_first(place: Place) -> None:
    for headers, body, status in (
        ({"x-api-key": "junk"}, {"text": "a cat"}, 401),
        ({"x-api-key": place.key}, {"nothing": "a cat"}, 400),
    ):
        response = place.client.post(
            "/api/ai/embed", json=body, headers={**headers, HEADER: OTHERS[0]}
        )
        assert_coreviz_error(response, status)
