"""A cloud that fails in the middle of a request: nothing is charged for it, and nothing is lost."""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient

from imgvec.accounts.idempotency import IdempotentMeter
from imgvec.accounts.keys import digest, mint
from imgvec.accounts.metering import RESERVED_SECONDS
from imgvec.accounts.ports import KeyRecord, QuotaUsage
from imgvec.app import create_app
from imgvec.assets.ports import Asset
from imgvec.settings import load_settings
from imgvec.stores.dynamodb import DynamoStore
from imgvec.stores.sqlite import SqliteStore
from tests.support.aws.dynamodb import Emulator
from tests.support.aws.faulty_dynamodb import STEPS, Faulty, faulty
from tests.support.aws.rejecting_listener import refusing
from tests.support.contract.checks import assert_memories_error, assert_pixlab_error
from tests.support.contract.embed_routes import V2
from tests.support.server.places import PictureServer, create_key, server_environment

CODES = {"ThrottlingException": 429, "AccessDeniedException": 500}


@dataclass(frozen=True)
class Cloud:
    """The application over a table behind a listener that may refuse."""

    client: httpx2.Client
    store: DynamoStore
    fault: Faulty
    key: str
    cat: bytes

    def ask(self, **headers: str) -> httpx2.Response:
        """Embed the sample photo."""
        files, data = {"file": self.cat}, {"key": self.key}
        return self.client.post("/imgembed", data=data, files=files, headers=headers)

    def taken_now(self) -> tuple[int, int]:
        """Units counted, and units taken of today."""
        counted = sum(row.images for row in self.store.usage("acme", date.min, date.max))
        today = datetime.now(UTC).date()
        return counted, self.store.quota_usage("acme", today, time.time()).day

    def taken_when_all_is_put_right(self) -> tuple[int, int]:
        """Units counted, and units taken of today, once what is held has run out."""
        late = IdempotentMeter(
            self.store, window=3600, clock=lambda: time.time() + RESERVED_SECONDS + 60
        )
        counted = sum(row.images for row in late.usage("acme", date.min, date.max))
        today = datetime.now(UTC).date()
        return counted, self.store.quota_usage("acme", today, time.time()).day


@pytest.fixture
def cloud(
    dynamodb: Emulator,
    tmp_path: Path,
    pictures: PictureServer,
    monkeypatch: pytest.MonkeyPatch,
    cat: bytes,
) -> Iterator[Cloud]:
    """Nothing is remembered, so that each request looks its key up."""
    monkeypatch.setattr("imgvec.stores.TABLE_CACHE_SECONDS", 0.0)
    environment = {
        **server_environment(tmp_path, pictures),
        "IMGVEC_TABLE": dynamodb.new_table(),
    }
    key = mint()
    with faulty(dynamodb.address) as fault:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", fault.address)
        with (
            closing(DynamoStore(environment["IMGVEC_TABLE"])) as store,
            TestClient(create_app(load_settings(environment))) as client,
        ):
            store.add_key(KeyRecord("k_acme", "acme", digest(key), created=1.0))
            yield Cloud(client, store, fault, key, cat)


@pytest.mark.parametrize("code", list(CODES))
@pytest.mark.parametrize("step", list(STEPS))
def test_a_table_that_fails_at_a_step(
    cloud: Cloud, step: str, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    cloud.fault.step, cloud.fault.code = step, code

    refused = cloud.ask()

    assert_pixlab_error(refused, CODES[code])
    assert ("Retry-After" in refused.headers) == (CODES[code] == 429)
    assert (code in caplog.text) == (CODES[code] == 500)
    assert cloud.key not in caplog.text
    cloud.fault.step = None
    assert cloud.taken_when_all_is_put_right() == (0, 0)
    assert cloud.ask().status_code == 200
    assert cloud.taken_when_all_is_put_right() == (1, 1)


@pytest.mark.parametrize("code", list(CODES))
@pytest.mark.parametrize("step", ["reserve", "settle"])
def test_a_request_that_failed_can_be_sent_again_at_once(
    cloud: Cloud, step: str, code: str
) -> None:
    """Its `Idempotency-Key` and its unit are free, though no minute has passed."""
    header = {"Idempotency-Key": "order-1"}
    cloud.fault.step, cloud.fault.code = step, code
    assert_pixlab_error(cloud.ask(**header), CODES[code])
    cloud.fault.step = None
    assert cloud.ask(**header).status_code == 200
    assert cloud.taken_now() == (1, 1)


def test_a_table_that_is_not_there(
    dynamodb: Emulator,
    tmp_path: Path,
    pictures: PictureServer,
    caplog: pytest.LogCaptureFixture,
    cat: bytes,
) -> None:
    environment = {**server_environment(tmp_path, pictures), "IMGVEC_TABLE": "imgvec-gone"}
    with TestClient(create_app(load_settings(environment))) as client:
        answer = client.post("/imgembed", data={"key": mint()}, files={"file": cat})
    assert_pixlab_error(answer, 500)
    assert "ResourceNotFoundException" in caplog.text


def test_a_bucket_that_is_not_there(
    aws: dict[str, str], tmp_path: Path, pictures: PictureServer, caplog: pytest.LogCaptureFixture
) -> None:
    environment = {**server_environment(tmp_path, pictures), "IMGVEC_BUCKET": "imgvec-gone"}
    key, _ = create_key("acme", environment)
    with TestClient(create_app(load_settings(environment))) as client:
        answer = client.post("/store", data={"key": key}, files={"file": b"words"})
    assert_pixlab_error(answer, 500)
    assert "NoSuchBucket" in caplog.text
    assert key not in caplog.text


@pytest.mark.parametrize(
    ("sent", "code", "status"), [(503, "SlowDown", 429), (403, "AccessDenied", 500)]
)
def test_a_bucket_that_refuses_an_asset_to_embed(
    aws: dict[str, str],
    tmp_path: Path,
    pictures: PictureServer,
    monkeypatch: pytest.MonkeyPatch,
    sent: int,
    code: str,
    status: int,
) -> None:
    environment = {**server_environment(tmp_path, pictures), "IMGVEC_BUCKET": "imgvec"}
    key, _ = create_key("acme", environment)
    with closing(SqliteStore(tmp_path)) as store, refusing(sent, code) as address:
        store.add_asset(Asset("re_1", "acme", "cat.jpg", "SUCCESS", 9, 1.0, 1.0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        with TestClient(create_app(load_settings(environment))) as client:
            answer = client.post(
                f"{V2}/embeddings/image",
                json={"asset_id": "re_1", "model": "mobileclip"},
                headers={"Authorization": key},
            )
        assert_memories_error(answer, status)
        assert ("Retry-After" in answer.headers) == (status == 429)
        assert store.quota_usage("acme", datetime.now(UTC).date(), time.time()) == QuotaUsage(0, 0)
        # The file is as it was for whoever asks later.
        assert store.get_asset("re_1") == Asset("re_1", "acme", "cat.jpg", "SUCCESS", 9, 1.0, 1.0)
