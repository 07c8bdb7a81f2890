"""AWS refuses: what the caller gets, what the log says, and that nothing is half kept."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from imgvec.app import create_app
from imgvec.settings import load_settings
from imgvec.stores.sqlite import SqliteStore
from tests.support.aws.ministack import CREDENTIALS
from tests.support.aws.rejecting_listener import DYNAMODB, S3, refusing
from tests.support.contract.embed_routes import CHECKS, ENDPOINTS, V2, Asking
from tests.support.server.places import PictureServer, Place, create_key, server_environment

FAULTS = {
    "throttled": (429, "ThrottlingException", "SlowDown"),
    "missing": (500, "ResourceNotFoundException", "NoSuchBucket"),
    "forbidden": (500, "AccessDeniedException", "AccessDenied"),
}


@contextmanager
def app_of(environment: dict[str, str], key: str) -> Iterator[Place]:
    """The application under these settings, in process."""
    with TestClient(create_app(load_settings(environment))) as client:
        yield Place("refused", client, key, "", "", environment)


@pytest.fixture
def prepared(
    tmp_path: Path, pictures: PictureServer, monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, str], str]:
    """An environment with credentials and a key in its embedded store."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    environment = server_environment(tmp_path, pictures)
    key, _ = create_key("first", environment)
    return environment, key


@pytest.mark.parametrize("fault", list(FAULTS))
def test_the_table_refuses(
    prepared: tuple[dict[str, str], str],
    pictures: PictureServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: str,
) -> None:
    environment, key = prepared
    status, code, _ = FAULTS[fault]
    with refusing(400, code, DYNAMODB) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", address)
        with app_of({**environment, "IMGVEC_TABLE": "imgvec"}, key) as place:
            for name in ("coreviz", "pixlab", "memories"):
                endpoint = ENDPOINTS[name]
                answer = Asking(place, endpoint, pictures).about(pictures.url("cat.jpg"))
                endpoint.check(answer, status)
                assert ("Retry-After" in answer.headers) == (status == 429)
                assert "secret words" not in answer.text
    assert (code in caplog.text) == (status == 500)
    assert "secret words" not in caplog.text
    assert key not in caplog.text


@pytest.mark.parametrize("fault", list(FAULTS))
def test_the_bucket_refuses(
    prepared: tuple[dict[str, str], str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: str,
    cat: bytes,
) -> None:
    caplog.set_level(logging.INFO, "imgvec")
    environment, key = prepared
    status, _, code = FAULTS[fault]
    with refusing(503 if status == 429 else 403, code, S3) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        with app_of({**environment, "IMGVEC_BUCKET": "imgvec"}, key) as place:
            kept = place.client.post(
                f"{V2}/upload", headers={"Authorization": key}, files={"file": cat}
            )
            CHECKS["memories.ai"](kept, status)
            stored = place.client.post("/store", data={"key": key}, files={"file": cat})
            CHECKS["pixlab"](stored, status)
    assert (code in caplog.text) == (status == 500)
    assert "secret words" not in caplog.text
    # Nothing is half kept: what was begun waits, and expires.
    store = SqliteStore(Path(environment["IMGVEC_DATA"]))
    assert {asset.status for asset in store.expired_assets(1e12, 99)} == {"WAITING"}
    store.close()
