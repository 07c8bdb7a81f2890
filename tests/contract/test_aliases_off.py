"""Vendor models that an operator has switched off answer their dialect's 400, and no others."""

from collections.abc import Iterator

import httpx2
import pytest
from starlette.testclient import TestClient

from imgvec.app import create_app
from imgvec.errors import SettingsError
from imgvec.settings import load_settings
from tests.support.server.places import PictureServer, create_key, server_environment

OFF = "coreviz:default,pixlab:img-embed:1024,memories.ai:mobileclip,pixlab:pix-llm"
TEXT = "/serve/api/v2/embeddings/text"
IMAGE = "/serve/api/v2/embeddings/image"


@pytest.fixture(scope="module")
def environment(
    tmp_path_factory: pytest.TempPathFactory, pictures: PictureServer
) -> dict[str, str]:
    """A server's environment with some aliases off."""
    environment = server_environment(tmp_path_factory.mktemp("off"), pictures)
    return {**environment, "IMGVEC_ALIASES_OFF": OFF}


@pytest.fixture(scope="module")
def client(environment: dict[str, str]) -> Iterator[httpx2.Client]:
    """The application without those aliases, with a key."""
    key, _ = create_key("first", environment)
    headers = {"x-api-key": key, "Authorization": key, "WWW-Authenticate": key}
    with TestClient(create_app(load_settings(environment)), headers=headers) as client:
        yield client


def test_coreviz(client: httpx2.Client) -> None:
    answer = client.post("/api/ai/embed", json={"text": "a cat"})
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "default is not served here in dimension 768",
    )


@pytest.mark.parametrize(
    ("path", "fields", "detail"),
    [
        ("/imgembed", {}, "img-embed is not served here in dimension 1024"),
        ("/imgembed", {"dimension": 1024}, "img-embed is not served here in dimension 1024"),
        ("/llmimgembed", {}, "pix-llm is not served here in dimension 512"),
        ("/llmimgembed", {"dimension": 1024}, "pix-llm is not served here in dimension 1024"),
    ],
)
def test_pixlab(
    client: httpx2.Client,
    pictures: PictureServer,
    path: str,
    fields: dict[str, object],
    detail: str,
) -> None:
    answer = client.post(path, json={"img": pictures.url("cat.jpg"), **fields})
    assert (answer.status_code, answer.json()) == (400, {"status": 400, "error": detail})


def test_another_width_of_the_same_model_is_on(
    client: httpx2.Client, pictures: PictureServer
) -> None:
    answer = client.post("/imgembed", json={"img": pictures.url("cat.jpg"), "dimension": 512})
    assert (answer.status_code, len(answer.json()["embedding"])) == (200, 512)


@pytest.mark.parametrize(
    ("path", "fields"),
    [(TEXT, {"input": "a cat"}), (IMAGE, {"image_url": "https://example.com/cat.jpg"})],
)
def test_memories(client: httpx2.Client, path: str, fields: dict[str, object]) -> None:
    answer = client.post(path, json={"model": "mobileclip", **fields})
    assert answer.status_code == 400
    assert answer.json()["msg"] == "mobileclip is not served here in dimension 512"
    other = {"model": "gemini-embedding-001", "input": "a cat", "dimensionality": 512}
    assert client.post(TEXT, json=other).status_code == 200


def test_an_entry_that_is_no_alias_stops_the_start(environment: dict[str, str]) -> None:
    settings = load_settings({**environment, "IMGVEC_ALIASES_OFF": "pixlab:img-embed:768"})
    there = "pixlab:img-embed, .*:pix-llm:1024$"
    with pytest.raises(
        SettingsError, match=f"'pixlab:img-embed:768', which is no alias; there are: {there}"
    ):
        create_app(settings)


def test_an_entry_of_no_dialect_is_answered_with_the_dialects(environment: dict[str, str]) -> None:
    settings = load_settings({**environment, "IMGVEC_ALIASES_OFF": "pixlap:img-embed"})
    with pytest.raises(
        SettingsError, match=r"there are: bedrock:\.\.\., cohere:\.\.\., .*weaviate"
    ):
        create_app(settings)
