"""A consumer with a plan of its own, over each store."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from imgvec.app import create_app
from imgvec.settings import load_settings
from tests.support.aws.dynamodb import Emulator
from tests.support.contract.limited_consumer import Consumer, command
from tests.support.server.places import PictureServer, server_environment


@pytest.fixture(params=["sqlite", "dynamodb"])
def limited_environment(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    pictures: PictureServer,
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, str]:
    """An empty store of each kind, whose keys and plans are not remembered."""
    environment = server_environment(tmp_path, pictures)
    if request.param == "dynamodb":
        emulator: Emulator = request.getfixturevalue("dynamodb")
        monkeypatch.setattr("imgvec.stores.TABLE_CACHE_SECONDS", 0.0)
        table = emulator.new_table()
        environment |= {**emulator.environment, "IMGVEC_TABLE": table}
    return environment


@pytest.fixture
def consumer(limited_environment: dict[str, str]) -> Iterator[Consumer]:
    """The plan has no limit yet."""
    environment = limited_environment
    command(environment, "plans", "create", "p")
    made = json.loads(command(environment, "keys", "create", "acme", "--plan", "p", "--json"))
    with TestClient(create_app(load_settings(environment))) as client:
        yield Consumer(client, made["key"], environment)
