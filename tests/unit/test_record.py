"""What is known of a request when it ends."""

import logging
from contextvars import Context
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from imgvec.app import create_app
from imgvec.request_log import Record, begin, current, stage
from imgvec.settings import load_settings
from tests.support.server.places import PictureServer, create_key, server_environment


def test_a_stage_adds_up_also_when_it_fails() -> None:
    record = begin("id", "GET")
    with stage("read"):
        pass
    first = record.stages["read"]
    with pytest.raises(ValueError, match="no"), stage("read"):
        raise ValueError("no")
    assert record.stages["read"] > first


def test_without_a_request_nothing_is_kept() -> None:
    def alone() -> Record:
        with stage("read"):
            pass
        return current()

    assert Context().run(alone).stages == {}


def test_the_line_of_a_request_carries_its_record(
    tmp_path: Path, pictures: PictureServer, caplog: pytest.LogCaptureFixture
) -> None:
    environment = server_environment(tmp_path, pictures)
    key, _ = create_key("first", environment)
    caplog.set_level(logging.INFO, "imgvec.requests")
    with TestClient(create_app(load_settings(environment))) as client:
        client.get("/imgembed", params={"img": pictures.url("cat.jpg"), "key": key})
        client.get("/imgembed", params={"key": key})
    good, bad = (vars(line)["request"] for line in caplog.records)
    assert isinstance(good, Record)
    assert (good.method, good.route, good.status) == ("GET", "/imgembed", 200)
    assert good.usage is not None
    assert (good.consumer, good.usage.images, good.usage.outcome) == ("first", 1, "answered")
    assert list(good.stages) == ["admit", "read", "decode", "reserve", "encode", "settle"]
    assert sum(good.stages.values()) <= good.milliseconds
    assert (bad.status, bad.usage, list(bad.stages)) == (400, None, ["admit"])
    assert good.request_id != bad.request_id
