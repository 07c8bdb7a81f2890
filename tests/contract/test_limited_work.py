"""A plan limits work, also where no image is counted: uploads, files, and what a quota is for."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, cast

import pytest
from starlette.testclient import TestClient

from imgvec.app import create_app
from imgvec.assets.lifecycle import TIDIED
from imgvec.assets.ports import UNFINISHED_SECONDS
from imgvec.assets.service import Assets
from imgvec.settings import load_settings
from imgvec.stores import Store
from tests.support.accounts.failing_call import FailingOnce
from tests.support.contract.checks import (
    assert_memories_error,
    assert_pixlab_error,
    data_uri,
    icon,
    small_png,
)
from tests.support.contract.embed_routes import ENDPOINTS, V2
from tests.support.contract.limited_consumer import Consumer, command
from tests.support.server.places import PictureServer

ROUTES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "upload": ("POST", f"{V2}/upload", {"files": {"file": ("a.png", b"bytes")}}),
    "signed": ("POST", f"{V2}/upload/signed-url", {"json": {"original_filename": "a.png"}}),
    "metadata": ("GET", f"{V2}/{{}}/metadata", {}),
    "download": ("GET", f"{V2}/{{}}/download", {}),
    "delete": ("DELETE", f"{V2}/{{}}", {}),
    "delete below asset": ("DELETE", f"{V2}/asset/{{}}", {}),
    "store": ("POST", "/store", {"files": {"file": ("a.png", b"bytes")}}),
}


def files_of(consumer: Consumer) -> list[dict[str, object]]:
    listed: list[dict[str, object]] = json.loads(
        command(consumer.environment, "assets", "list", "acme", "--json")
    )
    return listed


@pytest.mark.parametrize("name", ROUTES)
def test_the_rate_is_that_of_every_route(consumer: Consumer, name: str) -> None:
    asset_id = consumer.upload().json()["data"]["asset_id"]
    method, path, body = ROUTES[name]
    consumer.limited("--rate", "0.01", "--burst", "1")
    assert consumer.ask("GET", f"{V2}/{asset_id}/metadata").status_code == 200
    rejected = consumer.ask(method, path.format(asset_id), **body)
    check = assert_pixlab_error if name == "store" else assert_memories_error
    check(rejected, 429)
    assert 90 <= int(rejected.headers["Retry-After"]) <= 100
    assert rejected.headers["RateLimit-Remaining"] == "0"
    assert [row["id"] for row in files_of(consumer)] == [asset_id]


def test_the_bytes_of_a_signed_address_are_of_its_consumers_rate(consumer: Consumer) -> None:
    consumer.limited("--rate", "0.01", "--burst", "1")
    address = consumer.signed().json()["data"]["signed_url"]
    rejected = consumer.client.put(address, content=b"bytes")
    assert_memories_error(rejected, 429)
    assert int(rejected.headers["Retry-After"]) > 1
    assert [row["status"] for row in files_of(consumer)] == ["WAITING"]
    consumer.limited()
    assert consumer.client.put(address, content=b"bytes").status_code == 200


def test_a_repeat_costs_no_unit_and_a_token_of_the_rate(consumer: Consumer) -> None:
    consumer.limited("--rate", "0.01", "--burst", "2", "--daily", "1")
    image = data_uri(small_png())
    sent = [
        consumer.embed(ENDPOINTS["pixlab"], image, **{"Idempotency-Key": "order-1"})
        for _ in range(3)
    ]
    assert [one.status_code for one in sent] == [200, 200, 429]


@pytest.mark.parametrize("name", ENDPOINTS)
def test_a_used_up_quota_is_seen_before_fetching_by_a_process_that_has_just_started(
    consumer: Consumer, pictures: PictureServer, name: str
) -> None:
    consumer.limited("--daily", "1")
    assert consumer.embed(ENDPOINTS[name], data_uri(small_png())).status_code in (200, 400)
    assert consumer.embed(ENDPOINTS["pixlab"], data_uri(small_png())).status_code in (200, 402)
    with TestClient(create_app(load_settings(consumer.environment))) as client:
        other = Consumer(client, consumer.key, consumer.environment)
        for image in (pictures.url("nothing-here.jpg"), pictures.url("bad.jpg", icon())):
            ENDPOINTS[name].check(other.embed(ENDPOINTS[name], image), 402)


class TestStorage:
    def test_uploads_are_rejected_before_and_after_their_bytes(self, consumer: Consumer) -> None:
        consumer.limited("--storage", "100")
        first = consumer.upload(bytes(60)).json()["data"]["asset_id"]
        address = consumer.signed().json()["data"]["signed_url"]
        message = "The storage quota is used up, delete files to make room"
        for rejected in (
            consumer.upload(bytes(41)),
            consumer.client.put(address, content=bytes(41)),
        ):
            assert_memories_error(rejected, 402)
            assert rejected.json()["msg"] == message
        stored = consumer.ask("POST", "/store", files={"file": ("a.png", bytes(41))})
        assert_pixlab_error(stored, 402)
        assert stored.json()["error"] == message
        assert [row["status"] for row in files_of(consumer)] == ["SUCCESS", "FAILED"]
        assert consumer.upload(bytes(40)).status_code == 200
        assert_memories_error(consumer.signed(), 402)
        assert consumer.ask("DELETE", f"{V2}/{first}").status_code == 200
        assert consumer.upload(bytes(60)).status_code == 200

    def test_unfinished_uploads_are_bounded(
        self, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("imgvec.assets.lifecycle.MOST_OPEN", 2)
        addresses = [consumer.signed().json()["data"]["signed_url"] for _ in range(2)]
        rejected = consumer.signed()
        assert_memories_error(rejected, 429)
        assert rejected.headers["Retry-After"] == "86400"
        assert consumer.client.put(addresses[0], content=b"bytes").status_code == 200
        assert consumer.signed().status_code == 200


def test_of_uploads_that_end_together_only_as_many_as_fit(consumer: Consumer) -> None:
    consumer.limited("--storage", "100")
    addresses = [consumer.signed().json()["data"]["signed_url"] for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        sent = list(pool.map(lambda one: consumer.client.put(one, content=bytes(30)), addresses))
    assert sorted(one.status_code for one in sent) == [200] * 3 + [402] * 3
    assert sum(int(str(row["size"])) for row in files_of(consumer)) == 90


class TestMaxBytes:
    @pytest.mark.parametrize("name", ENDPOINTS)
    def test_an_image_has_at_most_so_many(
        self, consumer: Consumer, pictures: PictureServer, name: str
    ) -> None:
        endpoint, image = ENDPOINTS[name], small_png()
        consumer.limited("--max-bytes", str(len(image)))
        for link in (data_uri, lambda data: pictures.url(f"{len(data)}.png", data)):
            fits, passes = (consumer.embed(endpoint, link(image + more)) for more in (b"", b"\0"))
            # memories.ai takes no data URI, and has another status for what is too large.
            if not (name == "memories" and link is data_uri):
                assert fits.status_code == 200, fits.text
                endpoint.check(passes, 400 if name == "memories" else 413)

    def test_so_have_files_and_assets(self, consumer: Consumer) -> None:
        image = small_png()
        asset_id = consumer.upload(image).json()["data"]["asset_id"]
        address = consumer.signed().json()["data"]["signed_url"]
        consumer.limited("--max-bytes", str(len(image) - 1))
        asked = {"asset_id": asset_id, "model": "mobileclip"}
        for rejected in (
            consumer.upload(image),
            consumer.client.put(address, content=image),
            consumer.ask("POST", f"{V2}/embeddings/image", json=asked),
        ):
            assert_memories_error(rejected, 400)
            assert rejected.json()["msg"] == "Request has exceeded the limit."
        stored = consumer.ask("POST", "/store", files={"file": ("a.png", image)})
        assert_pixlab_error(stored, 413)


# DynamoDB's time to live removes them.
@pytest.mark.parametrize("limited_environment", ["sqlite"], indirect=True)
def test_expired_uploads_are_removed_while_the_service_runs(
    consumer: Consumer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("imgvec.services.TIDY_SECONDS", 0.05)
    app = create_app(load_settings(consumer.environment))
    services = app.state.services
    long_ago = time.time() - UNFINISHED_SECONDS - 10
    old = Assets(services.store, services.blobs, max_bytes=1, clock=lambda: long_ago)
    for number in range(TIDIED + 5):
        old.reserve("acme", "a.png", f"re_{number}")
    failing = FailingOnce(services.store, "expired_assets", "is refused")
    assets = Assets(cast(Store, failing), services.blobs, max_bytes=1)
    app.state.services = replace(services, assets=assets)
    with TestClient(app):
        deadline = time.monotonic() + 30
        while services.store.expired_assets(1e12, 1):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert "uploads that were never finished stay" in caplog.text
