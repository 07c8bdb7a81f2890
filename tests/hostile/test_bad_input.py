"""Bad input, case by case: the vendor's envelope and status, never a 5xx, nothing in the log that
does not belong there, and the next good request gives the same vector as before."""

import io
from typing import Any

import httpx2
import pytest
from PIL import Image

from tests.support.contract.bad_input_cases import CASES, MARK, Case
from tests.support.contract.checks import assert_openai_error
from tests.support.server.hostile_target import Target


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
    if case.dialect == "openai":
        assert_openai_error(answer, case.status)
    elif case.dialect == "coreviz":
        assert {"error", "message"} <= set(body) <= {"error", "message", "detail"}
        assert all(isinstance(value, str) and value for value in body.values())
    elif case.dialect == "pixlab":
        assert set(body) == {"status", "error"}
        assert body["status"] == case.status
        assert answer.headers["content-type"] == "application/json"
    elif case.dialect == "cohere":
        assert set(body) == {"id", "message"}
    elif case.dialect == "bedrock":
        (text,) = body.values()
        assert isinstance(text, str) and text
        assert answer.headers["x-amzn-errortype"].endswith("Exception")
    elif case.dialect == "weaviate":
        assert set(body) == {"error"}
        assert isinstance(body["error"], str) and body["error"]
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
