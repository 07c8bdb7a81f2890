"""What only a deployed stack does: all of it in `make test-aws`, in part in `make test-cloud`.

Named so that `make test` passes it by. Where the stack is on an emulator (`TEST_EMULATOR` is set),
what the emulator cannot do is skipped with the reason; docs/how-to/deploy.md lists it as not run.
"""

import base64
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import httpx2
import pytest

from tests.support.contract.checks import assert_unit
from tests.support.contract.embed_routes import ENDPOINTS, V2, Asking, Endpoint
from tests.support.server.places import PictureServer, Place, create_key, imgvec

on_aws: Final = pytest.mark.skipif(
    "TEST_EMULATOR" in os.environ, reason="NOT RUN: the emulator does not do this"
)
endpoints: Final = pytest.mark.parametrize(
    "endpoint", [ENDPOINTS[name] for name in ("coreviz", "pixlab", "memories")], ids=str
)
CLIENTS: Final = 16
REQUESTS: Final = 100
ROUNDS: Final = 20
"""Together more than the burst of a stack for trying, and faster than its rate."""
FORGOTTEN: Final = 40.0
"""Seconds after which no process remembers a key: 30, and the answers on their way."""
UNION: Final = {"data": None, "success": False, "failed": True}


def bare() -> httpx2.Client:
    """A client that shows what the gateway says, 429 included."""
    return httpx2.Client(base_url=os.environ["TEST_URL"], timeout=60, trust_env=False)


@endpoints
def test_401_without_a_key(place: Place, pictures: PictureServer, endpoint: Endpoint) -> None:
    endpoint.check(Asking(place, endpoint, pictures).about(pictures.url("cat.jpg"), key=""), 401)


@endpoints
def test_405(place: Place, endpoint: Endpoint) -> None:
    answer = place.client.put(endpoint.path)
    endpoint.check(answer, 405)
    assert "POST" in answer.headers["Allow"]


@endpoints
def test_5_megabytes_reach_the_application(
    place: Place, pictures: PictureServer, endpoint: Endpoint
) -> None:
    answer = Asking(place, endpoint, pictures).about("a" * 5_000_000)
    assert answer.status_code in (400, 415, 422)
    endpoint.check(answer, answer.status_code)


@on_aws
def test_7_megabytes_are_lambdas_413() -> None:
    with bare() as client:
        answer = client.post("/imgembed", json={"img": "a" * 7_000_000})
    assert (answer.status_code, answer.json()) == (413, {"message": "Request Too Long"})


@on_aws
def test_11_megabytes_are_the_gateways_413() -> None:
    with bare() as client:
        answer = client.post("/imgembed", json={"img": "a" * 11_000_000})
    assert answer.status_code == 413


def throttled() -> list[httpx2.Response]:
    """Answers of the gateway to too many requests: without a key they share the stage's rate."""
    with bare() as client, ThreadPoolExecutor(CLIENTS) as pool:
        for _ in range(ROUNDS):
            answers = pool.map(lambda _: client.post("/imgembed"), range(REQUESTS))
            rejected = [answer for answer in answers if answer.status_code == 429]
            if rejected:
                return rejected
    return []


def test_429_of_the_gateway() -> None:
    assert throttled(), f"{ROUNDS} times {REQUESTS} requests at once, and none was too many"


@on_aws
def test_429_of_the_gateway_can_be_read_by_every_client() -> None:
    for answer in throttled():
        body = answer.json()
        assert body["status"] == body["code"] == 429
        assert body["error"] == "Too Many Requests"
        assert body["message"] == body["msg"]
        assert {name: body[name] for name in UNION} == UNION
        assert answer.headers["Retry-After"] == "1"


@on_aws
def test_www_authenticate_is_judged_in_the_vendors_words(place: Place, cat: bytes) -> None:
    """200 where the authorizer still sees the header, PixLab's 401 where not; nothing else."""
    answer = place.client.post(
        "/imgembed", files={"file": cat}, headers={"WWW-Authenticate": place.key}
    )
    if answer.status_code != 200:
        ENDPOINTS["pixlab"].check(answer, 401)


@on_aws
@endpoints
def test_preflight_needs_no_key(place: Place, endpoint: Endpoint) -> None:
    asked = {"Origin": "https://page.example", "Access-Control-Request-Method": "POST"}
    answer = place.client.options(endpoint.path, headers=asked)
    assert answer.status_code in (200, 204)
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower().split(",")
    assert {"authorization", "content-type", "idempotency-key", "x-api-key"} <= set(allowed)
    assert "Access-Control-Allow-Origin" in answer.headers


@on_aws
def test_long_answers_are_compressed_where_the_caller_takes_it(place: Place, cat: bytes) -> None:
    fields = {"key": place.key, "dimension": "512"}
    for accepted, compressed in (("gzip", "gzip"), ("identity", None)):
        answer = place.client.post(
            "/imgembed", files={"file": cat}, data=fields, headers={"Accept-Encoding": accepted}
        )
        assert answer.headers.get("Content-Encoding") == compressed
        assert_unit(answer.json()["embedding"], 512)


def test_download_is_a_redirect_to_the_very_bytes(place: Place) -> None:
    data = bytes(range(256)) * 64
    headers = {"Authorization": place.key}
    kept = place.client.post(f"{V2}/upload", headers=headers, files={"file": ("a.bin", data)})
    address = f"{V2}/{kept.json()['data']['asset_id']}/download"
    answer = place.client.get(address, headers=headers)
    assert answer.status_code == 302
    assert place.client.get(answer.headers["Location"]).content == data


def test_the_llm_host_speaks_pixlabs_llm(place: Place, cat: bytes) -> None:
    if "TEST_LLM_HOST" not in os.environ:
        pytest.skip("NOT RUN: the stack has no LlmDomainName")
    host = os.environ["TEST_LLM_HOST"]
    # An emulator has every host at its own address.
    address = os.environ.get("TEST_EMULATOR", f"https://{host}")
    body = {"img": base64.b64encode(cat).decode(), "key": place.key}
    answer = place.client.post(f"{address}/imgembed", json=body, headers={"Host": host})
    assert answer.json()["model"] == "pix-llm"


def test_a_revoked_key_is_refused_as_soon_as_it_is_forgotten(place: Place) -> None:
    key, key_id = create_key("revoked", place.environment)

    def ask() -> int:
        headers = {"x-api-key": key}
        return place.client.post("/api/ai/embed", json={}, headers=headers).status_code

    assert ask() == 400, "the key is good, the body is not"
    imgvec("keys", "revoke", key_id, environment=place.environment)
    end = time.monotonic() + FORGOTTEN
    while ask() != 401:
        assert time.monotonic() < end
        time.sleep(1)
