"""What callers see when the endpoint fails, over real HTTP by boto3, and that nothing is counted.

Every fault is followed by a good request, which takes the one unit that has been used.
"""

import json
import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import pytest
from starlette.testclient import TestClient

from imgvec.app import create_app
from imgvec.encoders.integrity import read_manifest
from imgvec.encoders.registry import shipped_folder
from imgvec.encoders.sagemaker.client import HEADER, VECTOR, Attributes
from imgvec.settings import load_settings
from imgvec.types import Vector
from tests.support.aws.sagemaker_runtime import Call, Runtime, Script, endpoint
from tests.support.contract.checks import assert_plain_error
from tests.support.contract.embed_routes import ENDPOINTS, Asking
from tests.support.server.places import PictureServer, Place, create_key, imgvec, server_environment

TIMEOUT = 1.0
REVISION = read_manifest(shipped_folder() / "starter").revision
WIDTH = 1024
"""PixLab's dimensions where none are asked for."""


def refuses(status: int, code: str, message: str = "secret words", **more: object) -> Script:
    """AWS's own refusal."""
    return lambda call, _: call.refuse(status, code, Message=message, **more)


def from_container(status: int) -> Script:
    """The container's refusal, as AWS tells it."""
    return refuses(424, "ModelError", OriginalStatusCode=status, OriginalMessage="secret words")


def gives(vector: object, says: str = str(Attributes(REVISION, 50))) -> Script:
    """An answer with this vector."""
    body = np.asarray(vector, "<f4").tobytes()
    return lambda call, _: call.answer(200, body, {HEADER: says, "Content-Type": VECTOR})


def hangs(call: Call, body: bytes) -> None:
    """No answer within the time."""
    time.sleep(1.5 * TIMEOUT)
    call.close_connection = True


def hangs_half_way(call: Call, body: bytes) -> None:
    """The rest of the answer does not come within the time."""
    call.send_response(200)
    call.send_header("Content-Length", "2048")
    call.end_headers()
    call.wfile.write(b"half")
    call.wfile.flush()
    hangs(call, body)


def cuts(call: Call, body: bytes) -> None:
    """The connection is reset."""
    call.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    call.close_connection = True
    call.connection.close()


def cuts_half_way(call: Call, body: bytes) -> None:
    """The connection ends before the answer does."""
    call.send_response(200)
    call.send_header("Content-Length", "2048")
    call.end_headers()
    call.wfile.write(b"half")
    call.close_connection = True


def unit(dimensions: int) -> Vector:
    """A vector of norm 1."""
    return np.full(dimensions, dimensions**-0.5, np.float32)


UNIT = unit(WIDTH)
NAN = np.where(np.arange(WIDTH) == 7, np.nan, UNIT)


@dataclass(frozen=True)
class Case:
    """A fault, and what becomes of the request."""

    script: Script
    status: int
    calls: int = 1
    retry_after: str | None = None


CASES = {
    "container fails": Case(from_container(500), 500),
    "container refuses the body": Case(from_container(400), 500),
    "container is full": Case(from_container(503), 429, calls=2, retry_after="1"),
    "container serves another revision": Case(from_container(409), 503, 2, "10"),
    "throttled": Case(refuses(429, "ThrottlingException"), 429, retry_after="1"),
    "instances start": Case(refuses(429, "ModelNotReadyException"), 503, retry_after="60"),
    "scaled to zero": Case(
        refuses(400, "ValidationError", "Inference Component has no capacity to process this."),
        503,
        retry_after="60",
    ),
    "unavailable": Case(refuses(503, "ServiceUnavailable"), 503, 2, "1"),
    "AWS fails": Case(refuses(500, "InternalFailure"), 503, 2, "1"),
    "no such endpoint": Case(refuses(400, "ValidationError", "Endpoint x not found."), 500),
    "no permission": Case(refuses(403, "AccessDeniedException"), 500),
    "no answer in time": Case(hangs, 503, retry_after="1"),
    "half an answer in time": Case(hangs_half_way, 503, retry_after="1"),
    "connection cut": Case(cuts, 503, 2, "1"),
    "connection cut half-way": Case(cuts_half_way, 503, 2, "1"),
    "too few dimensions": Case(gives(unit(WIDTH - 1)), 500),
    "too many dimensions": Case(gives(unit(2 * WIDTH)), 500),
    "NaN": Case(gives(NAN), 500),
    "no unit vector": Case(gives(2 * UNIT), 500),
    "vector of another revision": Case(gives(UNIT, f"revision={'0' * 64};count=50"), 503, 2, "10"),
    "nothing said of the revision": Case(gives(UNIT, "x"), 500),
}


@dataclass
class Far:
    """A place whose encoder is behind a runtime."""

    place: Place
    runtime: Runtime
    pictures: PictureServer

    def ask(self, dialect: str = "pixlab") -> tuple[int, dict[str, str], str]:
        """Status, headers and text of a good request."""
        response = Asking(self.place, ENDPOINTS[dialect], self.pictures).about(
            self.pictures.url("cat.jpg")
        )
        if response.status_code != 200:
            ENDPOINTS[dialect].check(response, response.status_code)
        return response.status_code, dict(response.headers), response.text

    def remaining(self) -> int:
        """What is left of the quota after a good request."""
        status, headers, _ = self.ask()
        assert status == 200
        return int(headers["ratelimit-remaining"])


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory, pictures: PictureServer) -> Iterator[Far]:
    """The starter in a serving process of its own; a plan that counts."""
    with ExitStack() as stack:
        environment = server_environment(tmp_path_factory.mktemp("far"), pictures)
        key, _ = create_key("first", environment)
        for arguments in (("create", "many", "--daily", "100000"), ("assign", "first", "many")):
            imgvec("plans", *arguments, environment=environment)
        there = stack.enter_context(endpoint(environment))
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in there.environment.items():
            patch.setenv(name, value)
        whole = {**environment, **there.environment, "IMGVEC_ENDPOINT_TIMEOUT": str(TIMEOUT)}
        client = stack.enter_context(TestClient(create_app(load_settings(whole))))
        while client.get("/ready").status_code != 200:
            time.sleep(0.01)
        yield Far(Place("far", client, key, "", "", environment), there, pictures)


@pytest.mark.parametrize("name", list(CASES))
def test_a_fault_in_the_callers_words_and_not_counted(
    far: Far, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    case = CASES[name]
    before = far.remaining()
    far.runtime.calls = 0
    far.runtime.script.extend([case.script] * case.calls)

    status, headers, text = far.ask()

    assert (status, headers.get("retry-after")) == (case.status, case.retry_after)
    assert far.runtime.calls == case.calls
    assert "secret" not in text + caplog.text
    assert far.remaining() == before - 1


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if case.calls == 2])
def test_what_is_tried_again_may_succeed(far: Far, name: str) -> None:
    far.runtime.calls = 0
    far.runtime.script.append(CASES[name].script)
    assert far.ask()[0] == 200
    assert far.runtime.calls == 2


@pytest.mark.parametrize("dialect", list(ENDPOINTS))
@pytest.mark.parametrize("name", ["scaled to zero", "container is full", "container fails"])
def test_every_dialect_has_words_for_it(far: Far, name: str, dialect: str) -> None:
    far.runtime.script.extend([CASES[name].script] * CASES[name].calls)
    status, headers, _ = far.ask(dialect)
    wait = CASES[name].retry_after
    if ENDPOINTS[dialect].dialect in ("openai", "cohere") and wait == "60":
        # Their clients sleep for as long as they are told to.
        wait = "30"
    assert (status, headers.get("retry-after")) == (CASES[name].status, wait)


def test_a_good_answer_of_a_script_is_taken(far: Far) -> None:
    """Positive control: what the refused answers lack, this one has."""
    far.runtime.script.append(gives(UNIT))
    assert json.loads(far.ask()[2])["embedding"] == UNIT.tolist()


def test_the_vector_is_the_one_that_is_computed_here(far: Far) -> None:
    there = json.loads(far.ask()[2])
    with TestClient(create_app(load_settings(far.place.environment))) as client:
        here = Place("here", client, far.place.key, "", "", far.place.environment)
        asking = Asking(here, ENDPOINTS["pixlab"], far.pictures)
        assert asking.about(far.pictures.url("cat.jpg")).json() == there


def test_ready_once_the_endpoint_has_woken(
    tmp_path_factory: pytest.TempPathFactory, far: Far
) -> None:
    environment = {**os.environ, **far.runtime.environment}
    settings = load_settings({n: v for n, v in environment.items() if n.startswith("IMGVEC_")})
    own = settings.model_copy(update={"data": tmp_path_factory.mktemp("asleep")})
    far.runtime.script.append(CASES["scaled to zero"].script)
    with TestClient(create_app(own)) as client:
        while far.runtime.script:
            time.sleep(0.01)
        assert_plain_error(client.get("/ready"), 503)
        assert client.get("/health").status_code == 200
        deadline = time.monotonic() + 30
        while client.get("/ready").status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.01)
