"""The application and the commands over a DynamoDB table instead of a file."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from imgvec.cli import group
from tests.support.aws.dynamodb import Emulator
from tests.support.contract.checks import assert_pixlab_error
from tests.support.server.places import CAT, PictureServer, server_environment


@dataclass(frozen=True)
class Cloud:
    """An application over an empty table."""

    client: httpx2.Client
    environment: dict[str, str]

    def run(self, *arguments: str) -> str:
        """Run a command against the table."""
        done = CliRunner().invoke(group, arguments, env=self.environment, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    def create(self, *options: str) -> dict[str, str]:
        """Make a key."""
        made: dict[str, str] = json.loads(self.run("keys", "create", "acme", "--json", *options))
        return made

    def ask(self, key: str, **headers: str) -> httpx2.Response:
        """Embed the sample photo."""
        files = {"file": CAT.read_bytes()}
        return self.client.post("/imgembed", data={"key": key}, files=files, headers=headers)


@pytest.fixture
def cloud(
    dynamodb: Emulator, tmp_path: Path, pictures: PictureServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cloud]:
    from imgvec.app import create_app
    from imgvec.settings import load_settings

    monkeypatch.setattr("imgvec.stores.TABLE_CACHE_SECONDS", 1.0)
    environment = {
        **server_environment(tmp_path, pictures),
        **dynamodb.environment,
        "IMGVEC_TABLE": dynamodb.new_table(),
    }
    with TestClient(create_app(load_settings(environment))) as client:
        yield Cloud(client, environment)


def test_the_quota_holds_and_is_counted(cloud: Cloud) -> None:
    cloud.run("plans", "create", "small", "--daily", "2")
    key = cloud.create("--plan", "small")["key"]
    answers = [cloud.ask(key) for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 402]
    assert [one.headers["RateLimit-Remaining"] for one in answers] == ["1", "0", "0"]
    assert json.loads(cloud.run("usage", "--json")) == [{"consumer": "acme", "images": 2}]
    assert [row["embeddings"] for row in json.loads(cloud.run("keys", "list", "--json"))] == [2]


def test_a_used_up_quota_is_told_before_an_image_is_decoded(cloud: Cloud) -> None:
    cloud.run("plans", "create", "small", "--daily", "1")
    key = cloud.create("--plan", "small")["key"]
    assert [cloud.ask(key).status_code for _ in range(2)] == [200, 402]
    answer = cloud.client.post("/imgembed", data={"key": key}, files={"file": b"BM no image"})
    assert_pixlab_error(answer, 402)


def test_sent_again_it_is_counted_once(cloud: Cloud) -> None:
    key = cloud.create()["key"]
    answers = [cloud.ask(key, **{"Idempotency-Key": "order-1"}) for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 200]
    assert json.loads(cloud.run("usage", "--json")) == [{"consumer": "acme", "images": 1}]


def test_a_revoked_key_is_refused_when_the_cache_time_is_over(cloud: Cloud) -> None:
    made = cloud.create()
    assert cloud.ask(made["key"]).status_code == 200
    cloud.run("keys", "revoke", made["id"])
    time.sleep(1.0)
    assert_pixlab_error(cloud.ask(made["key"]), 401)


def test_assets_are_kept_in_the_table(cloud: Cloud) -> None:
    key = cloud.create()["key"]
    files = {"file": CAT.read_bytes()}
    stored = cloud.client.post("/store", data={"key": key}, files=files).json()
    embedded = cloud.client.post("/imgembed", json={"key": key, "img": stored["link"]})
    assert embedded.status_code == 200
    assert embedded.json()["embedding"] == cloud.ask(key).json()["embedding"]
