"""Every dialect over encoders of one output each, and over encoders that embed images only.

Models whose dimensions no encoder has are off, and a request for one is the dialect's own 400.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from starlette.testclient import TestClient

from imgvec.app import create_app
from imgvec.dialects import all_dialects
from imgvec.settings import load_settings
from tests.support.contract.checks import assert_unit, embedding_in
from tests.support.contract.embed_routes import CHECKS, KEY_HEADERS
from tests.support.contract.every_model import ALL, CASES, URI, Case
from tests.support.models.linear_encoder import NOTHING, PADDED, linear_encoder
from tests.support.server.places import NOBODY, create_key, server_environment

SIGLIP: Final = {"siglip2-l16": 1024, "siglip2-b16": 768, "clip-512": 512}


@contextmanager
def served(folder: Path, encoders: dict[str, int], text: dict[str, Any]) -> Iterator[httpx2.Client]:
    """An application over such encoders, and a client whose key is in every place of a key."""
    environment = server_environment(folder / "data", NOBODY) | {
        "IMGVEC_MODELS": str(folder / "models"),
        "IMGVEC_ENCODERS": ",".join(encoders),
    }
    for name, dimensions in encoders.items():
        linear_encoder(folder / "models" / name, text, dimensions=dimensions)
    key, _ = create_key("first", environment)
    headers = dict.fromkeys(KEY_HEADERS.values(), key)
    with TestClient(create_app(load_settings(environment)), headers=headers) as client:
        yield client


@pytest.fixture(scope="module", params=SIGLIP)
def alone(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[httpx2.Client, str]]:
    """An encoder that has one number of dimensions, by its name."""
    name: str = request.param
    with served(tmp_path_factory.mktemp(name), {name: SIGLIP[name]}, dict(PADDED)) as client:
        yield client, name


@pytest.fixture(scope="module")
def images_only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """Encoders without a text tower, of all the dialects' dimensions together."""
    encoders = {f"images-{dimensions}": dimensions for dimensions in ALL}
    with served(tmp_path_factory.mktemp("images"), encoders, dict(NOTHING)) as client:
        yield client


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_models_of_other_dimensions_are_off(alone: tuple[httpx2.Client, str], case: Case) -> None:
    client, name = alone
    for body in filter(None, (case.image, case.text)):
        answer = case.ask(client, body)
        if case.dimensions == SIGLIP[name]:
            assert answer.status_code == 200, answer.text
            assert_unit(vector_in(answer.json()), case.dimensions)
            assert answer.headers["X-Embedding-Model"] == name
        else:
            CHECKS[case.dialect](answer, 400)
            assert f"{case.model} is not served here in dimension {case.dimensions}" in answer.text


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_image_only_encoder_serves_images_and_says_so_of_a_text(
    images_only: httpx2.Client, case: Case
) -> None:
    if case.image is not case.text:
        image = case.ask(images_only, case.image)
        assert image.status_code == 200, image.text
        assert_unit(vector_in(image.json()), case.dimensions)
    if case.text is not None:
        text = case.ask(images_only, case.text)
        CHECKS[case.dialect](text, 400)
        assert f"images-{case.dimensions} embeds images only" in text.text


def test_every_model_of_every_dialect_has_a_case() -> None:
    assert {(case.dialect, case.model) for case in CASES.values()} == {
        (dialect.name, alias.model) for dialect in all_dialects() for alias in dialect.aliases
    }


def vector_in(body: Any) -> list[float]:
    """The only vector of an answer of any dialect, of a text too."""
    if body.get("textVectors"):
        return embedding_in({"embeddings": body["textVectors"]})
    found: Any = embedding_in(body)
    vector: list[float] = found["embedding"] if isinstance(found, dict) else found
    return vector


def test_the_id_of_an_encoder_is_a_model_of_its_own_dimensions(
    alone: tuple[httpx2.Client, str],
) -> None:
    client, name = alone
    openai = client.post("/v1/embeddings", json={"model": name, "input": ["a cat", URI]})
    assert [len(one["embedding"]) for one in openai.json()["data"]] == [SIGLIP[name]] * 2
    cohere = client.post("/v2/embed", json={"model": name, "images": [URI]})
    assert len(cohere.json()["embeddings"]["float"][0]) == SIGLIP[name]
    refused = client.post("/v2/embed", json={"model": "starter", "images": [URI]})
    CHECKS["cohere"](refused, 404)


def test_only_models_with_dimensions_are_listed(alone: tuple[httpx2.Client, str]) -> None:
    client, name = alone
    listed = {one["id"] for one in client.get("/v1/models").json()["data"]}
    assert name in listed
    assert ("jina-clip-v1" in listed) == (SIGLIP[name] == 768)
    assert ("voyage-3" in listed) == (SIGLIP[name] == 1024)
    assert "text-embedding-3-small" in listed
    off = "voyage-3" if SIGLIP[name] == 768 else "jina-clip-v1"
    CHECKS["openai"](client.get(f"/v1/models/{off}"), 404)
    unknown = client.post("/v1/embeddings", json={"model": "x", "input": ["a"]})
    CHECKS["openai"](unknown, 404)
    assert unknown.json()["detail"].endswith(
        f"Give 'dimensions' with text-embedding-3-small: {SIGLIP[name]}"
    )


def test_the_start_lists_what_is_served_and_what_is_off(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "imgvec.app")
    linear_encoder(tmp_path / "models" / "siglip2-b16", dimensions=768)
    with served(tmp_path, {"siglip2-l16": 1024}, dict(PADDED)):
        pass
    (message,) = [one.message for one in caplog.records if one.name == "imgvec.app"]
    lines = [" ".join(line.split()) for line in message.splitlines()]
    assert lines[0] == (
        "No encoder of IMGVEC_ENCODERS=siglip2-l16 has 512 and 768 dimensions. Vendors' models "
        "that need them are off, and a request for one is 400:"
    )
    assert {
        "coreviz default off: 768",
        "bedrock amazon.titan-embed-image-v1 1024",
        "memories.ai gemini-embedding-001 1024; off: 512, 768",
        "pixlab pix-llm 1024; off: 512",
    } < {*lines}
    assert lines[-2:] == ["512 dimensions: starter", "768 dimensions: siglip2-b16, starter"]


def test_a_start_that_serves_everything_lists_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "imgvec.app")
    with served(tmp_path, dict(zip("abc", ALL, strict=True)), dict(PADDED)):
        pass
    assert not [one for one in caplog.records if one.name == "imgvec.app"]
