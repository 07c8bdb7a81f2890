"""The embeddings function under the real Lambda runtime. The contract's own tests run there too:
`make test-runtime`."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx2
import pytest
from samtranslator.yaml_helper import yaml_parse

from imgvec.aws.gateway import MAX_EVENT_BODY
from imgvec.encoders.integrity import bake
from imgvec.encoders.registry import shipped_folder
from imgvec.stores.sqlite import SqliteStore
from tests.support.aws.lambda_runtime import CLIENT, EMULATOR, LambdaRuntime
from tests.support.aws.rest_events import GATEWAY, GatewayTransport, event_of, response_of
from tests.support.aws.sample_events import EVENT_KEY, PHOTO, REQUESTS, SAM_LOCAL, make
from tests.support.contract.checks import assert_unit, bits, embedding_in
from tests.support.contract.embed_routes import CHECKS, KEY_HEADERS, V2
from tests.support.server.places import ROOT, PictureServer, imgvec, server_environment

pytestmark = pytest.mark.skipif(
    EMULATOR is None or not CLIENT.exists(), reason="`make test-runtime` installs the runtime"
)
EMBEDDING_EVENTS = [name for name in REQUESTS if "image" in name or "json" in name] + [
    "pixlab-query",
    "pixlab-form",
    "pixlab-multipart",
    "pixlab-llm",
    "function-url",
]


@dataclass(frozen=True)
class Function:
    """The function, as a REST API's integration and as HTTP behind it."""

    runtime: LambdaRuntime
    client: httpx2.Client
    environment: dict[str, str]

    def lines(self, request_id: str) -> list[dict[str, Any]]:
        """What the function logged about a request."""
        return [
            content
            for content in map(json.loads, self.runtime.lines)
            if content.get("correlation_id") == request_id
        ]


@pytest.fixture(scope="module")
def function(
    tmp_path_factory: pytest.TempPathFactory, pictures: PictureServer
) -> Iterator[Function]:
    """One execution environment for the whole module, as on a desk: it knows the events' key."""
    data = tmp_path_factory.mktemp("data")
    environment = {**server_environment(data, pictures), **SAM_LOCAL}
    runtime = LambdaRuntime(environment, data / "log.txt")
    with httpx2.Client(transport=GatewayTransport(runtime.invoke), base_url=GATEWAY) as client:
        yield Function(runtime, client, environment)
    runtime.stop()


@pytest.mark.parametrize("name", list(REQUESTS))
def test_ready_event(
    function: Function, pictures: PictureServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(pictures.files, "cat.jpg", PHOTO.read_bytes())
    answer = response_of(function.runtime.invoke(make(name, images=pictures.address)))
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("name", EMBEDDING_EVENTS)
def test_same_floats_as_the_command_line(
    function: Function, pictures: PictureServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(pictures.files, "cat.jpg", PHOTO.read_bytes())
    event = make(name, images=pictures.address)
    body = response_of(function.runtime.invoke(event)).json()
    vector = embedding_in(body)
    assert_unit(vector, len(vector))

    made = imgvec(
        "embed", str(PHOTO), "--dimensions", str(len(vector)), environment=function.environment
    )
    assert bits(vector) == bits(json.loads(made.stdout)["embedding"])


def test_every_byte_passes_both_ways(function: Function) -> None:
    data = bytes(range(256)) * 4
    headers = {"Authorization": EVENT_KEY}
    kept = function.client.post(f"{V2}/upload", headers=headers, files={"file": ("a.bin", data)})
    asset_id = kept.json()["data"]["asset_id"]

    answer = function.client.get(f"{V2}/{asset_id}/download", headers=headers)

    assert answer.content == data


BODIES: dict[str, Callable[[int], dict[str, Any]]] = {
    "coreviz": lambda size: {"path": "/api/ai/embeddings", "content": _json("image", size)},
    "pixlab": lambda size: {"path": "/imgembed", "content": _json("img", size)},
    "memories.ai": lambda size: {
        "path": f"{V2}/embeddings/image",
        "content": _json("image_url", size),
    },
}


def _json(field: str, size: int) -> bytes:
    """A JSON body of exactly this many bytes."""
    empty = json.dumps({field: ""}).encode()
    return empty[:-2] + b"a" * (size - len(empty)) + empty[-2:]


def ask(function: Function, dialect: str, size: int, key: str) -> httpx2.Response:
    """Send a body of a size to a dialect."""
    asked = BODIES[dialect](size)
    path = asked.pop("path")
    headers = {KEY_HEADERS[dialect]: key, "Content-Type": "application/json"}
    return function.client.post(path, headers=headers, **asked)


@pytest.mark.parametrize("dialect", list(BODIES))
def test_a_body_over_the_limit_is_the_dialects_own_error(function: Function, dialect: str) -> None:
    too_large = 400 if dialect == "memories.ai" else 413
    over, below = MAX_EVENT_BODY + 1, MAX_EVENT_BODY
    CHECKS[dialect](ask(function, dialect, over, EVENT_KEY), too_large)
    # No image, and judged as that: the limit is where it is said to be.
    assert ask(function, dialect, below, EVENT_KEY).status_code in (400, 415, 422)
    assert ask(function, dialect, below, EVENT_KEY).json().get("msg") != (
        "Request has exceeded the limit."
    )


@pytest.mark.parametrize("dialect", list(BODIES))
def test_a_wrong_key_is_told_before_the_size(function: Function, dialect: str) -> None:
    wrong = EVENT_KEY[:-1] + "0"
    CHECKS[dialect](ask(function, dialect, MAX_EVENT_BODY + 1, wrong), 401)


@pytest.mark.parametrize("dialect", list(BODIES))
def test_error_shape(function: Function, dialect: str) -> None:
    CHECKS[dialect](ask(function, dialect, 100, ""), 401)
    CHECKS[dialect](ask(function, dialect, 100, EVENT_KEY), 400)


def test_a_header_that_the_gateway_drops(function: Function) -> None:
    """The authorizer hands it on if it was shown; otherwise there is no key."""
    request = function.client.build_request(
        "GET", "/imgembed", headers={"WWW-Authenticate": EVENT_KEY}
    )
    event = event_of(request)
    assert not any(name.lower() == "www-authenticate" for name in event["headers"])
    CHECKS["pixlab"](response_of(function.runtime.invoke(event)), 400)
    event["requestContext"]["authorizer"] = {"principalId": "shared"}
    CHECKS["pixlab"](response_of(function.runtime.invoke(event)), 401)


def test_request_id_is_lambdas_own(function: Function) -> None:
    shown = function.client.get("/health").headers["X-Request-Id"]
    assert f"START RequestId: {shown} " in function.runtime.log
    assert len(function.lines(shown)) == 1


def test_documentation_knows_the_stage(function: Function) -> None:
    assert 'href="openapi.json"' in function.client.get("/docs").text, "relative: below the stage"
    assert function.client.get("/openapi.json").json()["servers"] == [{"url": "/v1"}]
    assert function.client.get("/").headers["Location"] == "/v1/docs"


@pytest.mark.parametrize("context_path", ["/imgembed", "/v1/imgembed"])
def test_llm_host_is_the_gateways_word(function: Function, context_path: str) -> None:
    event = make("pixlab-json")
    event["requestContext"].update(domainName="llm.vectors.example", path=context_path)
    event["headers"]["Host"] = event["multiValueHeaders"]["Host"][0] = "api.vectors.example"
    assert response_of(function.runtime.invoke(event)).json()["object"] == "embedding"

    event["requestContext"]["domainName"] = "api.vectors.example"
    for name in ("Host", "X-Forwarded-Host"):
        event["headers"][name] = "llm.vectors.example"
        event["multiValueHeaders"][name] = ["llm.vectors.example"]
    assert "object" not in response_of(function.runtime.invoke(event)).json()


def test_one_line_a_request_with_its_metrics(function: Function) -> None:
    shown = response_of(function.runtime.invoke(make("pixlab-multipart"))).headers["X-Request-Id"]
    (line,) = function.lines(shown)
    assert line["message"] == "POST /imgembed"
    assert line["status"] == 200
    assert line["consumer"] == "local"
    assert len(line["revision"]) == 12
    (metrics,) = line["_aws"]["CloudWatchMetrics"]
    (dimensions,) = metrics["Dimensions"]
    assert {name: line[name] for name in dimensions} == {"service": "embeddings", "stack": "local"}
    assert {metric["Name"] for metric in metrics["Metrics"]} >= {
        "Images",
        "Total",
        "Admit",
        "Decode",
        "Encode",
        "Settle",
    }
    assert "Read" not in line, "it came with the request, and a line is paid for by the byte"
    assert line["Images"] == [1.0]
    assert sum(line[stage][0] for stage in ("Decode", "Encode")) <= line["Total"][0]


def test_a_request_logs_at_most_a_kilobyte_in_all_groups(function: Function) -> None:
    """Ours and the gateway's; the authorizer logs nothing, the platform only its warnings."""
    shown = response_of(function.runtime.invoke(make("pixlab-multipart"))).headers["X-Request-Id"]
    (line,) = [line for line in function.runtime.lines if shown in line]
    template = yaml_parse((ROOT / "template.yaml").read_text())
    written = template["Resources"]["Api"]["Properties"]["AccessLogSetting"]["Format"]
    values = {
        "$context.requestId": shown,
        "$context.resourcePath": "/serve/api/v2/embeddings/{proxy+}",
    }
    for name in re.findall(r"\$context[\w.]+", written):
        written = written.replace(name, values.get(name, "12345"), 1)
    assert 700 < len(line) + len(written) <= 1000


def test_nothing_secret_is_logged(function: Function) -> None:
    for name in ("pixlab-query", "coreviz-image", "pixlab-multipart", "memories-text"):
        function.runtime.invoke(make(name))
    log = function.runtime.log
    image = make("pixlab-json")["body"]
    assert "Settle" in log, "positive control"
    assert EVENT_KEY not in log
    assert json.loads(image)["img"][:40] not in log
    assert "dimension=" not in log
    assert "a photo of a cat" not in log


def test_encoder_and_stores_are_made_once(function: Function) -> None:
    for _ in range(100):
        assert function.client.get("/ready").status_code == 200
    cold = [line for line in function.runtime.lines if "ColdStart" in line]
    assert len(cold) == 1
    assert function.runtime.log.count("INIT START") == 1


def test_an_event_of_no_gateway_is_an_error_of_the_function(function: Function) -> None:
    assert function.runtime.invoke({})["errorType"] == "RuntimeError"
    assert function.client.get("/health").status_code == 200


def test_a_broken_encoder_stops_the_start_and_is_named(
    tmp_path: Path, pictures: PictureServer
) -> None:
    broken = tmp_path / "models" / "broken"
    broken.mkdir(parents=True)
    (broken / "manifest.json").write_text("{}")
    environment = {
        **server_environment(tmp_path / "data", pictures),
        "IMGVEC_MODELS": str(broken.parent),
        "IMGVEC_ENCODERS": "broken",
    }
    runtime = LambdaRuntime(environment, tmp_path / "log.txt")
    answer = runtime.invoke(make("ready"))
    runtime.stop()
    assert "statusCode" not in answer
    assert "broken/manifest.json is broken" in runtime.log


@pytest.fixture
def baked(tmp_path: Path, pictures: PictureServer) -> tuple[Path, dict[str, str]]:
    """An encoder as an image's build leaves it, and what a function runs under that has it."""
    folder = tmp_path / "models" / "starter"
    shutil.copytree(shipped_folder() / "starter", folder)
    bake(folder)
    environment = {
        **server_environment(tmp_path / "data", pictures),
        **SAM_LOCAL,
        "IMGVEC_MODELS": str(folder.parent),
    }
    return folder, environment


def counted(environment: dict[str, str]) -> int:
    """Images that were counted to the desk's key."""
    with closing(SqliteStore(Path(environment["IMGVEC_DATA"]))) as store:
        return sum(row.images for row in store.usage("local", date.min, date.max))


@pytest.mark.parametrize("wrong", ["truncated", "another file", "missing"])
def test_a_wrong_encoder_file_in_the_image_stops_the_start_and_counts_nothing(
    baked: tuple[Path, dict[str, str]], tmp_path: Path, wrong: str
) -> None:
    """What API Gateway makes of an `errorType` is its 5xx: the union body with `Retry-After`."""
    folder, environment = baked
    graph = folder / "image.int8.onnx"
    if wrong == "missing":
        graph.unlink()
    else:
        graph.write_bytes(graph.read_bytes()[:-1] if wrong == "truncated" else b"onnx")
    runtime = LambdaRuntime(environment, tmp_path / "log.txt")
    answer = runtime.invoke(make("pixlab-multipart"))
    runtime.stop()

    assert "statusCode" not in answer
    reason = "missing or unreadable" if wrong == "missing" else "bytes, the manifest says"
    assert re.search(rf"image\.int8\.onnx is .*{reason}", runtime.log)
    assert EVENT_KEY not in runtime.log
    assert counted(environment) == 0


def test_an_image_starts_by_its_record_answers_and_counts(
    baked: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    _, environment = baked
    runtime = LambdaRuntime(environment, tmp_path / "log.txt")
    answers = [
        response_of(runtime.invoke(make(name))) for name in ("pixlab-multipart", "memories-text")
    ]
    runtime.stop()
    assert [answer.status_code for answer in answers] == [200, 200]
    assert counted(environment) == 2
