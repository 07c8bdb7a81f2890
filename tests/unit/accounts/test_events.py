"""One structured record for each embedding."""

import json
import logging

import pytest

from imgvec.errors import NotAnImage, QuotaExhausted, RequestError
from imgvec.request_log import UsageEvent, reported


def event() -> UsageEvent:
    return UsageEvent("acme", "pixlab", 512, "r" * 64, images=1)


def logged(caplog: pytest.LogCaptureFixture) -> dict[str, object]:
    (record,) = [one for one in caplog.records if one.name == "imgvec.usage"]
    content: dict[str, object] = json.loads(record.getMessage())
    return content


@pytest.fixture(autouse=True)
def _heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def test_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    with reported(event()) as open_event:
        open_event.outcome = "answered"
    content = logged(caplog)
    took = content.pop("milliseconds")
    assert isinstance(took, float)
    assert content == {
        "consumer": "acme",
        "dialect": "pixlab",
        "space": 512,
        "revision": "r" * 64,
        "images": 1,
        "outcome": "answered",
    }


@pytest.mark.parametrize("refusal", [QuotaExhausted(), NotAnImage()])
def test_a_refusal_is_named(caplog: pytest.LogCaptureFixture, refusal: RequestError) -> None:
    with pytest.raises(type(refusal)), reported(event()):
        raise refusal
    assert logged(caplog)["outcome"] == type(refusal).__name__


def test_our_fault_is_not_described(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RuntimeError), reported(event()):
        raise RuntimeError("http://secret.example/?key=1")
    assert logged(caplog)["outcome"] == "failed"
    assert "secret" not in caplog.text
