"""A server that can do little, and an encoder that waits until a test lets it go."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from imgvec.app import create_app
from imgvec.embedding.limiter import UNMEASURED_SECONDS
from imgvec.encoders.registry import Encoders
from imgvec.settings import load_settings
from tests.support.contract.embed_routes import JSON
from tests.support.server.hosted import HeldEncoder, hosted
from tests.support.server.places import PictureServer, create_key, imgvec, server_environment

WORKERS, PLACES = 1, 7
"""Threads that compute, and requests that are at work or wait."""
QUEUE_SECONDS = (PLACES - WORKERS - 0.5) * UNMEASURED_SECONDS / WORKERS
"""So many wait as long as no work has been measured."""


@dataclass(frozen=True)
class Busy:
    """A server that can do little, and a key of its."""

    address: str
    environment: dict[str, str]
    key: str
    encoder: HeldEncoder
    app: FastAPI

    def embed(self) -> httpx2.Response:
        """A good request: a text."""
        return self.ask({"text": "a cat"})

    def ask(self, content: dict[str, str]) -> httpx2.Response:
        """A request at CoreViz's."""
        return httpx2.post(
            f"{self.address}/api/ai/embed",
            json=content,
            headers={"x-api-key": self.key},
            timeout=60,
            trust_env=False,
        )

    def another_key(self, consumer: str) -> str:
        """A key of another consumer."""
        return create_key(consumer, self.environment)[0]

    def counted(self) -> int:
        """Embeddings that all consumers have been counted."""
        listed = imgvec("keys", "list", "--json", environment=self.environment)
        return sum(row["embeddings"] for row in json.loads(listed.stdout))

    @property
    def head(self) -> Mapping[str, str]:
        """Headers of the same."""
        return {"Content-Type": JSON, "x-api-key": self.key}


@contextmanager
def busy_server(
    folder: Path, pictures: PictureServer, patch: pytest.MonkeyPatch, **settings: str
) -> Iterator[Busy]:
    """The server with these settings."""
    environment = {
        **server_environment(folder, pictures),
        "IMGVEC_WORKERS": str(WORKERS),
        "IMGVEC_QUEUE_SECONDS": str(QUEUE_SECONDS),
        **settings,
    }
    key, _ = create_key("first", environment)
    encoder = HeldEncoder()
    encoder.go.set()
    patch.setattr("imgvec.app.load_encoders", lambda _: Encoders((encoder,)))
    app = create_app(load_settings(environment))
    with hosted(app) as address:
        yield Busy(address, environment, key, encoder, app)
        encoder.go.set()
