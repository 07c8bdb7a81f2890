"""Bad input, case by case: the vendor's envelope and status, never a 5xx, nothing in the log that
does not belong there, and the next good request gives the same vector as before."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image

from bad_input_cases import CASES, MARK, Case
from places import (
    CAT,
    PictureServer,
    Running,
    create_key,
    imgvec,
    server_environment,
    start_server,
    stop_server,
)


@dataclass(frozen=True)
class Target:
    """A running server, its keys, and the vector that a good request must keep giving."""

    running: Running
    client: httpx2.Client
    words: dict[str, str]
    vector: bytes

    def good(self) -> bytes:
        """The sample photo's vector, now."""
        answer = self.client.post(
            "/imgembed", data={"key": self.words["KEY"]}, files={"file": CAT.read_bytes()}
        )
        assert answer.status_code == 200, answer.text
        return json.dumps(answer.json()["embedding"]).encode()


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory, pictures: PictureServer) -> Iterator[Target]:
    data: Path = tmp_path_factory.mktemp("hostile")
    environment = server_environment(data, pictures) | {"IMGVEC_LOG_LEVEL": "debug"}
    key, _ = create_key("first", environment)
    second, _ = create_key("second", environment)
    revoked, revoked_id = create_key("first", environment)
    imgvec("keys", "revoke", revoked_id, environment=environment)
    other, _ = create_key("elsewhere", environment | {"IMGVEC_DATA": str(data / "elsewhere")})
    words = {
        "KEY": key,
        "SECOND": second,
        "REVOKED": revoked,
        "OTHER": other,
        "GONE": pictures.url("gone.jpg"),
    }
    running = start_server(environment)
    try:
        with httpx2.Client(base_url=running.address, timeout=60, trust_env=False) as client:
            started = Target(running, client, words, b"")
            yield Target(running, client, words, started.good())
    finally:
        stop_server(running)


def filled(value: Any, words: dict[str, str]) -> Any:
    """Put the target's keys and addresses where a case names them."""
    if isinstance(value, dict):
        return {name: filled(inner, words) for name, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, words) for inner in value]
    if isinstance(value, str):
        if value.startswith("Bearer "):
            return "Bearer " + str(filled(value[7:], words))
        return words.get(value, value)
    return value


def check_envelope(case: Case, answer: httpx2.Response) -> None:
    """The body is the vendor's, whole."""
    body = answer.json()
    if case.dialect == "coreviz":
        assert {"error", "message"} <= set(body) <= {"error", "message", "detail"}
        assert all(isinstance(value, str) and value for value in body.values())
    elif case.dialect == "pixlab":
        assert set(body) == {"status", "error"}
        assert body["status"] == case.status
        assert answer.headers["content-type"] == "application/json"
    else:
        assert set(body) == {"code", "msg", "data", "success", "failed"}
        assert (body["code"], body["data"]) == (case.status, None)
        assert (body["success"], body["failed"]) == (False, True)


def test_there_are_cases_enough() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names) >= 60


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input(case: Case, target: Target) -> None:
    keyword = {name: filled(value, target.words) for name, value in case.keyword.items()}
    answer = target.client.request(case.method, case.path, **keyword)
    assert answer.status_code == case.status, answer.text
    check_envelope(case, answer)
    assert "Traceback" not in answer.text
    assert target.good() == target.vector


def test_extreme_but_good(target: Target) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (1, 20000), "red").save(buffer, "PNG")
    answer = target.client.post(
        "/imgembed", data={"key": target.words["KEY"]}, files={"file": buffer.getvalue()}
    )
    assert answer.status_code == 200


def test_the_log_holds_no_key_no_query_and_no_traceback(target: Target) -> None:
    # Runs last in this file: everything above has been logged.
    log = target.running.log
    assert log.count("POST /imgembed") > 100, "positive control: requests are logged"
    assert "Traceback" not in log
    assert "fault" not in log
    assert MARK not in log
    for name, word in target.words.items():
        assert word not in log, name
    assert "127.0.0.1" not in log.partition("answers on")[2].partition("\n")[2]
