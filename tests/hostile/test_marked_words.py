"""Keys, images, URL queries, texts and vectors are in no log, metric, exception or wrong answer.

Marked requests go to every route and into every kind of outcome, at log level debug; then all that
was written and answered is searched.
"""

import json
import re
from contextlib import ExitStack
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final

import httpx2
import pytest

from tests.support.aws.function_process import FunctionProcess
from tests.support.aws.lambda_runtime import HANDLERS
from tests.support.aws.rest_events import GATEWAY, GatewayTransport, RestApi
from tests.support.contract.embed_routes import V2
from tests.support.contract.marked_requests import MARK, MAX_BODY, PIECES, Sender, make_keys
from tests.support.server.places import (
    ROOT,
    PictureServer,
    server_environment,
    start_server,
    stop_server,
)

OUTCOMES: Final = {200, 400, 401, 402, 403, 404, 405, 413, 415, 422, 429, 500}
REPEATED: Final = re.compile(r"/(metadata|download|v[12]/embed)$")
"""Where the owner of a file asks for it, or for its name; Cohere's answers repeat the texts."""


@dataclass(frozen=True)
class Told:
    """All that a place said to anybody."""

    keys: tuple[str, ...]
    answers: list[httpx2.Response]
    log: str
    lines: list[tuple[str, int]]
    """Method with route, and status, of each logged request."""
    metrics: bool
    """Whether lines that CloudWatch makes metrics of are there."""


def _damage(data: Path) -> None:
    """What no request can bring about: the store's file is no database any more."""
    for file in data.glob("*.sqlite3*"):
        file.write_bytes(b"\0" * file.stat().st_size)


def _uvicorn(environment: dict[str, str], folder: Path, pictures: PictureServer) -> Told:
    keys = make_keys(Path(environment["IMGVEC_DATA"]))
    running = start_server(environment)
    try:
        with httpx2.Client(base_url=running.address, timeout=60, trust_env=False) as client:
            sender = Sender(client, keys, pictures)
            answers = list(sender.all())
            _damage(Path(environment["IMGVEC_DATA"]))
            answers += sender.embeds()
    finally:
        stop_server(running)
    lines = re.findall(r"INFO (\w+ \S+|\w+ \(unknown path\)) (\d{3}) ", running.log)
    found = [(route, int(status)) for route, status in lines]
    return Told(astuple(keys), answers, running.log, found, metrics=False)


def _lambda(environment: dict[str, str], folder: Path, pictures: PictureServer) -> Told:
    keys = make_keys(Path(environment["IMGVEC_DATA"]))
    logs = {name: folder / f"{name}.txt" for name in HANDLERS}
    with ExitStack() as stack:
        functions = {
            name: stack.enter_context(FunctionProcess(environment, logs[name], handler)).invoke
            for name, handler in HANDLERS.items()
        }
        transport = GatewayTransport(RestApi(functions).invoke)
        client = stack.enter_context(httpx2.Client(transport=transport, base_url=GATEWAY))
        sender = Sender(client, keys, pictures)
        answers = list(sender.all())
        _damage(Path(environment["IMGVEC_DATA"]))
        # The authorizer has forgotten its store too; the gateway would answer for it.
        functions["AuthorizerFunction"] = lambda event: {
            "policyDocument": {"Statement": [{"Effect": "Allow"}]},
            "context": {},
        }
        answers += sender.embeds()
    log = "".join(file.read_text() for file in logs.values())
    parsed = [json.loads(line) for line in log.splitlines() if '"status"' in line]
    lines = [(line["message"], line["status"]) for line in parsed]
    return Told(astuple(keys), answers, log, lines, metrics='"_aws"' in log)


PLACES: Final = {"uvicorn": _uvicorn, "lambda": _lambda}


@pytest.fixture(scope="module", params=list(PLACES))
def told(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    pictures: PictureServer,
) -> Told:
    folder = tmp_path_factory.mktemp(request.param)
    environment = server_environment(folder / "data", pictures) | {
        "IMGVEC_LOG_LEVEL": "debug",
        "IMGVEC_MAX_BODY": str(2 * MAX_BODY),
        "IMGVEC_MAX_IMAGE": str(MAX_BODY),
    }
    found = PLACES[request.param](environment, folder, pictures)
    assert found.metrics == (request.param == "lambda")
    return found


def test_every_route_and_every_kind_of_outcome_was_tried(told: Told) -> None:
    described = json.loads((ROOT / "openapi.json").read_text())["paths"]
    logged = {re.sub(r":\w+}", "}", route) for route, _ in told.lines}
    for path, ways in described.items():
        # The log names a route as its router does, which may be without the vendor's prefix.
        names = {path.removeprefix(prefix) for prefix in ("", V2, "/bedrock", "/weaviate/512")}
        for method in ways:
            assert logged & {f"{method.upper()} {name}" for name in names}
    assert {answer.status_code for answer in told.answers} >= OUTCOMES
    assert len(told.lines) == len(told.answers)
    assert "An image was rejected" in told.log, "debug lines are written"


def test_no_mark_is_in_a_log(told: Told) -> None:
    assert MARK not in told.log
    for secret in (*told.keys, *PIECES):
        assert secret not in told.log
    assert "Traceback" not in told.log


def test_no_vector_is_in_a_log(told: Told) -> None:
    vectors = [answer.text for answer in told.answers if '"embedding' in answer.text]
    numbers = {number for text in vectors for number in re.findall(r"0\.\d{5,}", text)[:20]}
    assert len(numbers) >= 20
    assert not [number for number in numbers if number in told.log]


def test_answers_hold_only_what_belongs_there(told: Told) -> None:
    for answer in told.answers:
        said = answer.content.decode("latin-1") + str(answer.headers)
        request = answer.request
        if answer.status_code != 200 or not REPEATED.search(request.url.path):
            assert MARK not in said, (request.method, request.url.path)
        for secret in (*told.keys, *PIECES):
            assert secret not in said, (request.method, request.url.path)
