"""Servers that something is about to break in, and what they have counted and kept by then."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from starlette.testclient import TestClient

from imgvec.app import create_app
from imgvec.settings import load_settings
from tests.support.contract.embed_routes import V2
from tests.support.server.places import Place, create_key, imgvec, serving


def place_of(client: httpx2.Client, environment: dict[str, str], key: str) -> Place:
    return Place("breaking", client, key, "", "", environment)


@contextmanager
def served(environment: dict[str, str]) -> Iterator[tuple[Place, int]]:
    """A server process that has answered once, and its id."""
    key, _ = create_key("first", environment)
    with (
        serving(environment) as running,
        httpx2.Client(base_url=running.address, timeout=60, trust_env=False) as client,
    ):
        place = place_of(client, environment, key)
        assert embed(place).status_code == 200
        yield place, running.process.pid
        assert "Exception in ASGI application" not in running.log


@contextmanager
def in_process(environment: dict[str, str]) -> Iterator[Place]:
    """The application in this process, where a part of it can be made to break."""
    key, _ = create_key("first", environment)
    with TestClient(create_app(load_settings(environment))) as client:
        yield place_of(client, environment, key)


def embed(place: Place, text: str = "a cat") -> httpx2.Response:
    """A good request."""
    return place.client.post("/api/ai/embed", json={"text": text}, headers={"x-api-key": place.key})


def upload(place: Place) -> httpx2.Response:
    """A file to keep."""
    headers = {"Authorization": place.key}
    return place.client.post(f"{V2}/upload", headers=headers, files={"file": bytes(100_000)})


def counted(place: Place) -> int:
    """What was counted to all keys."""
    listed = imgvec("keys", "list", "--json", environment=place.environment)
    assert listed.returncode == 0, listed.stderr
    return sum(row["embeddings"] for row in json.loads(listed.stdout))


def kept(place: Place) -> list[Path]:
    """Files of assets, whole or partial."""
    folder = Path(place.environment["IMGVEC_DATA"]) / "assets"
    return [path for path in folder.rglob("*") if path.is_file()]
