"""Keys, spaces, quotas and rates over HTTP: each dialect's exact words for 401, 402, 403, 429."""

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx2
import pytest
from click.testing import CliRunner

from imgvec.cli import group
from tests.support.contract.checks import data_uri, icon, small_png
from tests.support.contract.embed_routes import ENDPOINTS, KEY_HEADERS, V2, Endpoint
from tests.support.server.places import BEHIND_A_GATEWAY, PictureServer, Place

TEXT = f"{V2}/embeddings/text"


INVALID = "invalid_request_error"
SPENT = "Quota used up, RateLimit-Reset has the seconds until it is back"
NO_SPACE = "The plan of this key has no embeddings of N dimensions, it has: 640"
TOO_FAST = "Too many requests, Retry-After has the seconds to wait"


def openai(message: str, kind: str, code: str | None, jina: str = "") -> dict[str, object]:
    """The body of an error; its request's id is another one each time."""
    error = {"message": message, "type": kind, "param": None, "code": code}
    return {"error": error, "detail": message, **({"code": jina} if jina else {})}


# Outcome: status and exact body of each dialect.
WORDS: dict[str, dict[str, tuple[int, dict[str, object]]]] = {
    "invalid": {
        "coreviz": (401, {"error": "Unauthorized", "message": "Invalid or missing API key"}),
        "pixlab": (401, {"status": 401, "error": "Missing/Invalid PixLab API Key"}),
        "memories.ai": (401, {"code": 401, "msg": "Unauthorized"}),
        "cohere": (401, {"message": "The API key is unknown or revoked"}),
        "weaviate": (401, {"error": "Missing or invalid API key"}),
        "bedrock": (403, {"message": "The security token included in the request is invalid."}),
        "openai": (
            401,
            openai(
                "The API key is unknown or revoked",
                "invalid_request_error",
                "invalid_api_key",
                "AUTH_INVALID_API_KEY",
            ),
        ),
    },
    "disabled": {
        "coreviz": (401, {"error": "Unauthorized", "message": "Invalid or missing API key"}),
        "pixlab": (401, {"status": 401, "error": "Missing/Invalid PixLab API Key"}),
        "memories.ai": (403, {"code": 403, "msg": "API key disabled"}),
        "cohere": (401, {"message": "API key disabled"}),
        "weaviate": (401, {"error": "API key disabled"}),
        "bedrock": (403, {"message": "API key disabled"}),
        "openai": (
            401,
            openai(
                "API key disabled",
                "invalid_request_error",
                "invalid_api_key",
                "AUTH_INVALID_API_KEY",
            ),
        ),
    },
    "quota": {
        "coreviz": (402, {"error": "Payment Required", "message": "Insufficient credits"}),
        "pixlab": (402, {"status": 402, "error": SPENT}),
        "memories.ai": (402, {"code": 402, "msg": SPENT}),
        "cohere": (402, {"message": SPENT}),
        "weaviate": (402, {"error": SPENT}),
        "bedrock": (400, {"message": SPENT}),
        "openai": (
            402,
            openai(
                SPENT,
                "insufficient_quota",
                "insufficient_quota",
                "AUTHZ_INSUFFICIENT_BALANCE",
            ),
        ),
    },
    "space": {
        "coreviz": (403, {"error": "Forbidden", "message": NO_SPACE}),
        "pixlab": (403, {"status": 403, "error": NO_SPACE}),
        "memories.ai": (403, {"code": 403, "msg": NO_SPACE}),
        "cohere": (403, {"message": NO_SPACE}),
        "weaviate": (403, {"error": NO_SPACE}),
        "bedrock": (403, {"message": NO_SPACE}),
        "openai": (403, openai(NO_SPACE, INVALID, None)),
    },
    "rate": {
        "coreviz": (429, {"error": "Too Many Requests", "message": TOO_FAST}),
        "pixlab": (429, {"status": 429, "error": TOO_FAST}),
        "memories.ai": (429, {"code": 429, "msg": TOO_FAST}),
        "cohere": (429, {"message": TOO_FAST}),
        "weaviate": (429, {"error": TOO_FAST}),
        "bedrock": (429, {"message": TOO_FAST}),
        "openai": (429, openai(TOO_FAST, "rate_limit_error", "rate_limit_exceeded")),
    },
}
LIMITS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
FAILURE: dict[str, object] = {"data": None, "success": False, "failed": True}


def command(place: Place, *arguments: str) -> str:
    """Run a command to its end; gives what it prints."""
    done = CliRunner().invoke(group, arguments, env=place.environment, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@dataclass(frozen=True)
class Client:
    """A consumer of its own at one endpoint of a place."""

    place: Place
    endpoint: Endpoint
    pictures: PictureServer
    consumer: str
    key: str
    key_id: str

    def ask(self, image: str | None = None, **headers: str) -> httpx2.Response:
        """A request about an image, the sample photo unless another is given."""
        body = self.endpoint.body(image or self.pictures.url("cat.jpg"))
        shown = {KEY_HEADERS[self.endpoint.dialect]: self.key, **headers}
        return self.place.client.post(self.endpoint.path, json=body, headers=shown)

    def manage(self, *arguments: str) -> str:
        """Run a command, in this process, against the running server's store."""
        return command(self.place, *arguments)

    def limited(self, *limits: str) -> None:
        """Give the consumer a plan of its own."""
        self.manage("plans", "create", self.consumer, *limits)
        self.manage("plans", "assign", self.consumer, self.consumer)

    def images(self) -> int:
        """What `imgvec usage` says."""
        rows = json.loads(self.manage("usage", self.consumer, "--json"))
        return sum(row["images"] for row in rows)

    def refused(self, response: httpx2.Response, outcome: str) -> None:
        """The answer has exactly the dialect's words for an outcome."""
        status, body = WORDS[outcome][self.endpoint.dialect]
        more = FAILURE if self.endpoint.dialect == "memories.ai" else {}
        assert response.status_code == status, response.text
        # The dialects have other dimensions by default.
        answered = json.loads(re.sub(r"of \d+ dimensions", "of N dimensions", response.text))
        if self.endpoint.dialect == "cohere":
            answered.pop("id")
            if outcome == "invalid":
                # It says why: mistyped, expired or revoked.
                body = {"message": answered["message"]}
        if self.endpoint.dialect == "openai":
            answered.pop("request_id")
            if outcome == "invalid":
                # It says why: mistyped, expired or revoked.
                body = openai(
                    answered["detail"], INVALID, "invalid_api_key", "AUTH_INVALID_API_KEY"
                )
        assert answered == {**body, **more}
        assert response.headers["Content-Type"] == "application/json"
        assert self.key not in response.text


@pytest.fixture(params=list(ENDPOINTS))
def client(
    request: pytest.FixtureRequest, place: Place, pictures: PictureServer
) -> Iterator[Client]:
    """A new consumer at every endpoint in turn."""
    consumer = f"limits-{time.monotonic_ns()}"
    made = json.loads(command(place, "keys", "create", consumer, "--json"))
    yield Client(place, ENDPOINTS[request.param], pictures, consumer, made["key"], made["id"])


@pytest.fixture
def felt_at_once(place: Place) -> None:
    """A change to a key or a plan counts for the next request."""
    if place.name in BEHIND_A_GATEWAY:
        pytest.skip(
            "a table's words are remembered for 30 s: test_on_dynamodb.py, gateway_probes.py"
        )


def test_without_a_plan_there_is_no_limit_and_no_header(client: Client) -> None:
    response = client.ask()
    assert response.status_code == 200
    assert not set(LIMITS) & set(response.headers)
    assert client.images() == 1


def test_quota(client: Client) -> None:
    client.limited("--daily", "2", "--monthly", "100")
    left = []
    for _ in range(2):
        response = client.ask()
        assert response.status_code == 200, response.text
        left.append([response.headers[name] for name in LIMITS[:2]])
        assert 0 < int(response.headers["RateLimit-Reset"]) <= 86_400
    assert left == [["2", "1"], ["2", "0"]]
    refused = client.ask()
    client.refused(refused, "quota")
    assert [refused.headers[name] for name in LIMITS[:2]] == ["2", "0"]
    assert "Retry-After" not in refused.headers
    assert client.images() == 2


@pytest.mark.usefixtures("felt_at_once")
def test_a_quota_that_is_used_up_is_told_before_an_image_is_fetched_or_decoded(
    client: Client,
) -> None:
    client.limited("--daily", "1")
    assert client.ask().status_code == 200
    client.refused(client.ask(), "quota")
    unread = client.pictures.url("nothing-here.jpg"), client.pictures.url("bad.jpg", icon())
    for image in unread:
        refused = client.ask(image)
        client.refused(refused, "quota")
        assert [refused.headers[name] for name in LIMITS[:2]] == ["1", "0"]
    again = client.ask(unread[0], **{"Idempotency-Key": "never-sent-before"})
    client.refused(again, "quota")
    client.limited("--daily", "2")
    assert client.ask().status_code == 200
    assert client.images() == 2


@pytest.mark.usefixtures("felt_at_once")
def test_a_replay_is_answered_though_the_quota_is_used_up(client: Client) -> None:
    client.limited("--daily", "1")
    header = {"Idempotency-Key": "order-1"}
    assert client.ask(**header).status_code == 200
    client.refused(client.ask(), "quota")
    assert client.ask(**header).status_code == 200
    assert client.images() == 1


def test_a_clients_bad_image_is_free(client: Client) -> None:
    client.limited("--daily", "1")
    for bad in (data_uri(b"no image"), data_uri(icon()), "http://169.254.169.254/"):
        assert client.ask(client.pictures.url("bad.jpg", icon()) if "no" in bad else bad).is_error
    assert client.images() == 0
    assert client.ask().status_code == 200


def test_rate(client: Client) -> None:
    client.limited("--rate", "0.01", "--burst", "2")
    first, second, third = client.ask(), client.ask(), client.ask()
    assert [first.headers[name] for name in LIMITS[:2]] == ["2", "1"]
    assert [second.headers[name] for name in LIMITS[:2]] == ["2", "0"]
    client.refused(third, "rate")
    wait = int(third.headers["Retry-After"])
    # Clients of these sleep for as long as they are told to, however long.
    capped = client.endpoint.dialect in ("openai", "cohere")
    assert wait == 30 if capped else 90 <= wait <= 100
    assert [third.headers[name] for name in LIMITS[:2]] == ["2", "0"]
    assert client.images() == 2


@pytest.mark.usefixtures("felt_at_once")
def test_space(client: Client) -> None:
    client.limited("--spaces", "640")
    client.refused(client.ask(), "space")
    client.limited("--spaces", "512,768,1024")
    assert client.ask().status_code == 200


@pytest.mark.usefixtures("felt_at_once")
@pytest.mark.parametrize("state", ["invalid", "disabled"])
def test_key(client: Client, state: str) -> None:
    assert client.ask().status_code == 200
    client.manage("keys", "revoke" if state == "invalid" else "disable", client.key_id)
    client.refused(client.ask(), state)
    if state == "disabled":
        client.manage("keys", "enable", client.key_id)
        assert client.ask().status_code == 200


def test_an_expired_key(client: Client) -> None:
    made = json.loads(
        client.manage("keys", "create", client.consumer, "--expires", "2020-01-01", "--json")
    )
    expired = Client(client.place, client.endpoint, client.pictures, "", made["key"], made["id"])
    client.refused(expired.ask(), "invalid")


@pytest.mark.usefixtures("felt_at_once")
def test_rotation_with_and_without_overlap(client: Client) -> None:
    made = json.loads(client.manage("keys", "rotate", client.key_id, "--json"))
    new = Client(client.place, client.endpoint, client.pictures, "", made["key"], made["id"])
    assert [client.ask().status_code, new.ask().status_code] == [200, 200]
    client.manage("keys", "rotate", client.key_id, "--overlap", "0")
    client.refused(client.ask(), "invalid")
    assert new.ask().status_code == 200


def test_idempotency(client: Client) -> None:
    header = {"Idempotency-Key": "order-1"}
    first, again = client.ask(**header), client.ask(**header)
    assert first.status_code == again.status_code == 200
    assert first.json().get("embedding") == again.json().get("embedding")
    assert client.images() == 1
    other = client.ask(data_uri(small_png()), **header)
    client.endpoint.check(other, 400)
    client.endpoint.check(client.ask(**{"Idempotency-Key": "not a key"}), 400)
    wrong = Client(client.place, client.endpoint, client.pictures, "", client.key[:-1], "")
    wrong.refused(wrong.ask(**{"Idempotency-Key": "not a key"}), "invalid")
    assert client.images() == 1


def test_twins_at_the_same_time(client: Client) -> None:
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(client.ask, **{"Idempotency-Key": "order-1"}) for _ in range(6)]
        assert {one.result().status_code for one in asked} == {200}
    assert client.images() == 1


def test_idempotency_of_bytes_behind_a_url(client: Client) -> None:
    header = {"Idempotency-Key": "order-1"}
    url = client.pictures.url(f"{client.consumer}.png", small_png())
    assert client.ask(url, **header).status_code == 200
    client.pictures.url(f"{client.consumer}.png", client.pictures.files["cat.jpg"])
    assert client.ask(url, **header).status_code == 200
    assert client.ask(url, **header).status_code == 200
    assert client.images() == 2


def test_a_list_of_texts_counts_each_and_is_all_or_nothing(place: Place) -> None:
    consumer = f"limits-{time.monotonic_ns()}"
    command(place, "plans", "create", consumer, "--daily", "4")
    made = json.loads(command(place, "keys", "create", consumer, "--plan", consumer, "--json"))

    def ask(texts: int) -> httpx2.Response:
        body = {"input": [f"text {n}" for n in range(texts)], "model": "mobileclip"}
        return place.client.post(TEXT, json=body, headers={"Authorization": made["key"]})

    assert ask(3).headers["RateLimit-Remaining"] == "1"
    assert ask(2).status_code == 402
    assert ask(1).status_code == 200
    assert json.loads(command(place, "usage", consumer, "--json")) == [
        {"consumer": consumer, "images": 4}
    ]
