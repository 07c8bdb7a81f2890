"""A fault of our own, for real: in process, with an encoder that fails."""

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from imgvec.app import create_app
from imgvec.encoders import TextLimit
from imgvec.encoders.registry import Encoders
from imgvec.settings import load_settings
from imgvec.types import CLIP_GEOMETRY, Geometry, Pixels, Vector
from tests.support.contract.checks import assert_plain_error
from tests.support.contract.embed_routes import ENDPOINTS, Asking
from tests.support.server.places import PictureServer, Place, create_key, imgvec, server_environment

SECRET = "a sentence that nobody outside may read"


@dataclass
class BrokenEncoder:
    """Takes everything and fails."""

    name: str = "broken"
    revision: str = "0" * 64
    image_size: int = 8
    geometry: Geometry = CLIP_GEOMETRY
    embeds_text: bool = True
    image_tokens: int = 1
    dimensions: frozenset[int] = frozenset({512, 768, 1024})
    preferred: int = 1024
    composed: frozenset[int] = frozenset()
    scales: Mapping[int, float] = field(default_factory=dict)
    text_limit: TextLimit = field(default_factory=TextLimit)

    def encode_image(self, pixels: Pixels, dimensions: int) -> Vector:
        """Fail."""
        raise RuntimeError(SECRET)

    def encode_text(self, text: str, dimensions: int) -> tuple[Vector, int]:
        """Fail."""
        raise RuntimeError(SECRET)


@pytest.fixture
def broken(
    tmp_path: Path, pictures: PictureServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    """A place whose only encoder fails."""
    environment = server_environment(tmp_path, pictures)
    key, _ = create_key("first", environment)
    monkeypatch.setattr("imgvec.app.load_encoders", lambda settings: Encoders((BrokenEncoder(),)))
    with TestClient(create_app(load_settings(environment))) as client:
        yield Place("broken", client, key, "", "", environment)


@pytest.mark.parametrize("name", list(ENDPOINTS))
def test_fault_in_the_dialects_words(
    broken: Place, pictures: PictureServer, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    response = Asking(broken, ENDPOINTS[name], pictures).about(pictures.url("cat.jpg"))

    ENDPOINTS[name].check(response, 500)
    assert SECRET not in response.text
    faults = [record.getMessage() for record in caplog.records if "fault" in record.getMessage()]
    assert len(faults) == 1
    assert response.headers["X-Request-Id"] in faults[0]
    assert "RuntimeError" in faults[0]
    assert SECRET not in caplog.text
    assert broken.key not in caplog.text


def test_not_ready_where_no_inference_passes(broken: Place) -> None:
    assert_plain_error(broken.client.get("/ready"), 503)
    assert broken.client.get("/health").status_code == 200


def test_fault_is_not_counted_and_not_the_end(broken: Place, pictures: PictureServer) -> None:
    asking = Asking(broken, ENDPOINTS["pixlab"], pictures)
    statuses = [asking.about(pictures.url("cat.jpg")).status_code for _ in range(3)]
    assert statuses == [500, 500, 500]
    listed = imgvec("keys", "list", "--json", environment=broken.environment)
    assert [row["embeddings"] for row in json.loads(listed.stdout)] == [0]


def test_fault_takes_nothing_of_the_quota(broken: Place, pictures: PictureServer) -> None:
    for arguments in (("create", "one", "--daily", "1"), ("assign", "first", "one")):
        imgvec("plans", *arguments, environment=broken.environment)
    asking = Asking(broken, ENDPOINTS["pixlab"], pictures)
    statuses = [asking.about(pictures.url("cat.jpg")).status_code for _ in range(3)]
    assert statuses == [500, 500, 500]
