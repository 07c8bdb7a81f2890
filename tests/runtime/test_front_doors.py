"""The embeddings function behind each front door, under the real Lambda runtime.

The contract itself runs behind a REST API and behind a function URL: `make test-runtime`. Here is
what differs by the door: the stage in the path, and who compresses.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import httpx2
import pytest

from imgvec.aws.gateway import MAX_EVENT_BODY
from tests.support.aws.http_events import DOMAIN, UNSEEN, second_event_of
from tests.support.aws.lambda_runtime import CLIENT, EMULATOR, LambdaRuntime
from tests.support.aws.rest_events import GATEWAY, HOST, Event, event_of, response_of
from tests.support.aws.sample_events import EVENT_KEY, SAM_LOCAL
from tests.support.server.places import NOBODY, server_environment

pytestmark = pytest.mark.skipif(
    EMULATOR is None or not CLIENT.exists(), reason="`make test-runtime` installs the runtime"
)
TEXT = {"text": "a photo of a cat"}


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LambdaRuntime]:
    """The function on a desk."""
    data = tmp_path_factory.mktemp("data")
    environment = {**server_environment(data, NOBODY), **SAM_LOCAL}
    runtime = LambdaRuntime(environment, data / "log.txt")
    yield runtime
    runtime.stop()


@dataclass(frozen=True)
class Door:
    """A front door: the address that callers have, and the stage that events name."""

    address: str
    stage: str = UNSEEN
    second: bool = True

    def event(self, path: str, coding: str = "gzip", content: object = None) -> Event:
        """The event of a request."""
        headers = {"Accept-Encoding": coding, "x-api-key": EVENT_KEY}
        method = "GET" if content is None else "POST"
        request = httpx2.Request(method, self.address + path, headers=headers, json=content)
        if not self.second:
            return event_of(request)
        return second_event_of(request, self.stage)


DOORS = {
    "a function URL": Door(f"https://{DOMAIN}"),
    "an HTTP API": Door(f"https://{HOST}"),
    "an HTTP API with a stage": Door(f"https://{HOST}/beta", "beta"),
    "an HTTP API at a domain of one's own, its stage named": Door(
        "https://api.vectors.example", "v1"
    ),
    "a REST API": Door(GATEWAY, second=False),
}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_every_door_leads_to_the_same_vector(runtime: LambdaRuntime, door: Door) -> None:
    answer = response_of(runtime.invoke(door.event("/api/ai/embeddings", content=TEXT)))
    rest = DOORS["a REST API"].event("/api/ai/embeddings", content=TEXT)
    assert answer.status_code == 200, answer.text
    assert answer.json() == response_of(runtime.invoke(rest)).json()


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_documentation_knows_where_it_stands(runtime: LambdaRuntime, door: Door) -> None:
    prefix = httpx2.URL(door.address).path.rstrip("/")
    servers = response_of(runtime.invoke(door.event("/openapi.json"))).json().get("servers", [])
    assert [server["url"] for server in servers] == ([prefix] if prefix else [])
    assert response_of(runtime.invoke(door.event("/"))).headers["Location"] == f"{prefix}/docs"


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_the_function_compresses_where_no_gateway_does(
    runtime: LambdaRuntime, door: Door, coding: str
) -> None:
    answer = runtime.invoke(door.event("/api/ai/embeddings", coding, TEXT))
    compressed = door.second and coding == "gzip"
    assert answer["isBase64Encoded"] is compressed
    assert answer["headers"].get("content-encoding") == ("gzip" if compressed else None)
    assert answer["headers"].get("vary", "").count("Accept-Encoding") == int(door.second)
    short = runtime.invoke(door.event("/api/ai/embeddings", coding, {}))
    assert (short["statusCode"], short["isBase64Encoded"]) == (400, False)


def test_a_body_over_the_limit_is_the_dialects_own_error(runtime: LambdaRuntime) -> None:
    event = DOORS["a function URL"].event("/imgembed", content=TEXT)
    event["headers"]["content-type"] = "multipart/form-data; boundary=b"
    event |= {"body": "A" * (MAX_EVENT_BODY + 4), "isBase64Encoded": True}
    assert response_of(runtime.invoke(event)).json()["status"] == 413
    event["headers"]["www-authenticate"] = EVENT_KEY[:-1] + "0"
    assert response_of(runtime.invoke(event)).json()["status"] == 401, "the key comes first"
