"""Everything that decides an answer is part of the request that an `Idempotency-Key` stands for."""

import uuid
from collections.abc import Mapping
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient

from imgvec.accounts.idempotency import OTHER_REQUEST
from imgvec.aliases import Alias
from imgvec.app import create_app
from imgvec.settings import load_settings
from tests.support.contract.checks import data_uri, small_png
from tests.support.contract.embed_routes import V2
from tests.support.server.places import NOBODY, Place, create_key, server_environment

IMAGE = data_uri(small_png(), "image/png")
NONE: Mapping[str, str] = {}
LLM = {"Host": "llm.pixlab.example"}


def embed(
    client: httpx2.Client,
    key: str,
    once: str,
    path: str = "/imgembed",
    dimension: int | None = 512,
    headers: Mapping[str, str] = NONE,
) -> httpx2.Response:
    """A request about one image, the fields always the same, with an idempotency key."""
    content = {"key": key, "img": IMAGE, "image": IMAGE, "dimension": dimension}
    sent = {"Idempotency-Key": once, "x-api-key": key, **headers}
    return client.post(path, json=content, headers=sent)


@pytest.fixture
def once() -> str:
    return uuid.uuid4().hex


@pytest.mark.parametrize(
    ("path", "headers"),
    {
        "another host, and form": ("/imgembed", LLM),
        "another path": ("/llmimgembed", {}),
        "another dialect": ("/api/ai/embed", {}),
    }.values(),
    ids=lambda value: str(value),
)
def test_another_request_is_rejected(
    place: Place, once: str, path: str, headers: Mapping[str, str]
) -> None:
    first = embed(place.client, place.key, once)
    assert first.status_code == 200, first.text
    other = embed(place.client, place.key, once, path, headers=headers)
    assert other.status_code == 400
    assert OTHER_REQUEST in other.text
    # Positive controls: the first one again, and the other one under a key of its own.
    again = embed(place.client, place.key, once)
    assert again.json() == first.json()
    apart = embed(place.client, place.key, f"{once}2", path, headers=headers)
    assert apart.status_code == 200, apart.text


def test_a_request_with_a_precondition_is_another_one(place: Place, once: str) -> None:
    first = embed(place.client, place.key, once)
    revision = {"X-Embedding-Revision": first.headers["X-Embedding-Revision"]}
    assert OTHER_REQUEST in embed(place.client, place.key, once, headers=revision).text
    assert embed(place.client, place.key, f"{once}2", headers=revision).status_code == 200


def test_a_request_of_other_fields_is_another_one(place: Place, once: str) -> None:
    texts = {
        wide: place.client.post(
            f"{V2}/embeddings/text",
            json={"input": "a cat", "model": "gemini-embedding-001", "dimensionality": wide},
            headers={"Authorization": place.key, "Idempotency-Key": once},
        )
        for wide in (512, 768)
    }
    assert texts[512].status_code == 200
    assert texts[768].status_code == 400
    assert OTHER_REQUEST in texts[768].text


def test_other_dimensions_by_default_are_another_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, once: str
) -> None:
    """As after an update that changes the default of a model."""
    environment = server_environment(tmp_path, NOBODY)
    key, _ = create_key("first", environment)
    with TestClient(create_app(load_settings(environment))) as client:
        first = embed(client, key, once, dimension=None)
        assert len(first.json()["embedding"]) == 1024
        changed = Alias("img-embed", (512, 1024))
        monkeypatch.setattr("imgvec.dialects.pixlab.routes.IMG_EMBED", changed)
        assert OTHER_REQUEST in embed(client, key, once, dimension=None).text
        apart = embed(client, key, f"{once}2", dimension=None)
        assert len(apart.json()["embedding"]) == 512
