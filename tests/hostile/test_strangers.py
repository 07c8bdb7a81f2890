"""Strangers who send bodies, or begin to, cost nobody with a key an answer.

The limit of all bytes is 100,000, so one consumer may hold 50,000.
"""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from imgvec.accounts.authentication import Authenticator
from imgvec.accounts.keys import mint
from imgvec.api.intake import FREE_SECONDS, LEAST_RATE
from tests.support.contract.embed_routes import ENDPOINTS, JSON, KEY_HEADERS, V2, Endpoint
from tests.support.http.connection import Wire, wire
from tests.support.images.pictures import photo_jpeg
from tests.support.server.busy_server import Busy, busy_server
from tests.support.server.places import PictureServer

LIMIT = 100_000
NEVER_SENT = 1_000_000
COREVIZ, PIXLAB = ENDPOINTS["coreviz"], ENDPOINTS["pixlab"]


@pytest.fixture
def busy(
    tmp_path: Path, pictures: PictureServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Busy]:
    settings = {"IMGVEC_MAX_BODIES": str(LIMIT), "IMGVEC_QUEUE_SECONDS": "20"}
    with busy_server(tmp_path, pictures, monkeypatch, **settings) as server:
        yield server


def text_of(size: int, **more: str) -> bytes:
    """A good body of this length about a text."""
    body = json.dumps({"text": "a cat", **more}).encode()
    return body.ljust(size)


def begin(stack: ExitStack, busy: Busy, head: dict[str, str], body: bytes, length: int) -> Wire:
    connection = stack.enter_context(wire(busy.address))
    connection.begin(COREVIZ.path, length, {"Content-Type": JSON, **head}, body)
    return connection


def stranger(stack: ExitStack, busy: Busy, size: int) -> Wire:
    """A body that holds so many bytes, goes silent, and has no key in its head."""
    return begin(stack, busy, {}, text_of(size), NEVER_SENT)


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never came to that")


def wait_until_held(busy: Busy, size: int) -> None:
    """Until bodies hold so many bytes; nothing else on the outside shows it."""
    wait_until(lambda: bool(busy.app.state.services.in_flight.bytes == size))


# Keys and tokens before bodies


@pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=lambda one: one.path)
@pytest.mark.parametrize("key", ["junk", "unknown"])
def test_a_wrong_key_in_a_header_is_rejected_before_the_body_comes(
    busy: Busy, endpoint: Endpoint, key: str
) -> None:
    shown = {KEY_HEADERS[endpoint.dialect]: mint() if key == "unknown" else key}
    with wire(busy.address) as connection:
        connection.begin(endpoint.path, NEVER_SENT, {"Content-Type": JSON, **shown})
        endpoint.check(connection.answer(), 401)


@pytest.mark.parametrize("path", ["/upload", "/upload/signed-url", "/embeddings/text"])
def test_a_wrong_key_of_an_upload_is_rejected_before_the_body_comes(busy: Busy, path: str) -> None:
    with wire(busy.address) as connection:
        headers = {"Content-Type": JSON, "Authorization": mint()}
        connection.begin(f"{V2}{path}", NEVER_SENT, headers)
        ENDPOINTS["memories"].check(connection.answer(), 401)


@pytest.mark.parametrize("path", ["/imgembed", "/llmimgembed", "/store"])
def test_a_wrong_key_in_the_query_is_rejected_before_the_body_comes(busy: Busy, path: str) -> None:
    with wire(busy.address) as connection:
        connection.begin(f"{path}?key={mint()}", NEVER_SENT, {"Content-Type": JSON})
        PIXLAB.check(connection.answer(), 401)


def test_a_wrong_token_of_an_upload_is_rejected_before_the_body_comes(busy: Busy) -> None:
    reserved = httpx2.post(
        f"{busy.address}{V2}/upload/signed-url",
        json={"original_filename": "a.jpg"},
        headers={"Authorization": busy.key},
        trust_env=False,
    ).json()["data"]
    target = reserved["signed_url"].removeprefix(busy.address)
    for wrong in (f"{target}x", target.replace(reserved["asset_id"], "re_000000000000000000")):
        with wire(busy.address) as connection:
            head = f"PUT {wrong} HTTP/1.1\r\nHost: a\r\nContent-Length: {NEVER_SENT}\r\n\r\n"
            connection.send(head.encode())
            told = connection.answer()
        ENDPOINTS["memories"].check(told, 400)
        assert told.json()["msg"] == "Asset not found"
    # Positive control: the token was good all along.
    assert httpx2.put(reserved["signed_url"], content=b"x", trust_env=False).status_code == 200


def test_a_key_is_looked_up_once(busy: Busy, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    authenticate = Authenticator.authenticate

    def counted(self: Authenticator, shown: frozenset[str]) -> object:
        asked.append(shown)
        return authenticate(self, shown)

    monkeypatch.setattr(Authenticator, "authenticate", counted)
    assert busy.embed().status_code == 200
    assert len(asked) == 1
    # A second key, in the body, is still a second key.
    both = {"key": mint(), "img": "aaaa"}
    told = httpx2.post(
        busy.address + PIXLAB.path,
        json=both,
        headers={"WWW-Authenticate": busy.key},
        trust_env=False,
    )
    PIXLAB.check(told, 401)


# Slow bodies


def test_a_body_has_a_least_rate(busy: Busy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long before `IMGVEC_BODY_TIMEOUT`, which is a minute."""
    monkeypatch.setattr("imgvec.api.intake.FREE_SECONDS", 1.0)
    monkeypatch.setattr("imgvec.api.intake.LEAST_RATE", 1000)
    with ExitStack() as stack:
        silent = begin(stack, busy, {}, b"", NEVER_SENT)
        known = begin(stack, busy, dict(busy.head), b"{", NEVER_SENT)
        body = text_of(16_000)
        steady = begin(stack, busy, dict(busy.head), b"", len(body))
        # Four seconds for 16 kB, four times as fast as it must be.
        for start in range(0, len(body), 1000):
            steady.send(body[start : start + 1000])
            time.sleep(0.25)
        assert steady.answer().status_code == 200
        for slow in (silent, known):
            told = slow.answer()
            COREVIZ.check(told, 400)
            assert "too slowly" in told.json()["detail"]
        # The rest of one that has begun would go on dripping.
        assert told.headers["Connection"] == "close"


def test_the_least_rate_leaves_room_for_a_slow_phone() -> None:
    """25 kB a second is a bad mobile network; 240 kB are a photo of 1024 x 768."""
    assert (FREE_SECONDS, LEAST_RATE) == (5.0, 50_000)
    rate, size = 25_000, 240_000
    assert all(seconds < FREE_SECONDS + rate * seconds / LEAST_RATE for seconds in range(10))
    assert size / rate < 10


# Crowded


def test_fifty_silent_strangers_cost_no_good_request(busy: Busy) -> None:
    """They hold all that there is, and more than one body of theirs ends for each good one."""
    with ExitStack() as stack:
        for _ in range(50):
            stranger(stack, busy, LIMIT // 50)
        wait_until_held(busy, LIMIT)
        for size in (100, 20_000, 45_000):
            good = begin(stack, busy, dict(busy.head), text_of(size), size)
            assert good.answer().status_code == 200
        form = {"key": busy.key}
        photo = photo_jpeg(64, 64, 85)
        sent = httpx2.post(
            busy.address + PIXLAB.path, data=form, files={"file": photo}, trust_env=False
        )
        assert sent.status_code == 200, sent.text


def test_the_slow_and_large_end_first_and_none_whose_key_is_known(busy: Busy) -> None:
    with ExitStack() as stack:
        size = 40_000
        known = begin(stack, busy, dict(busy.head), text_of(size)[:-1], size)
        wait_until_held(busy, size - 1)
        large = stranger(stack, busy, 30_000)
        wait_until_held(busy, size - 1 + 30_000)
        small_body = b'{"key": "' + busy.key.encode() + b'"'
        small = stack.enter_context(wire(busy.address))
        small.begin(PIXLAB.path, len(small_body) + 1, {"Content-Type": JSON}, small_body)
        wait_until_held(busy, size - 1 + 30_000 + len(small_body))
        other = {"x-api-key": busy.another_key("b")}
        newcomer = begin(stack, busy, other, text_of(45_000), 45_000)
        assert newcomer.answer().status_code == 200
        ended = large.answer()
        COREVIZ.check(ended, 429)
        assert ended.headers["Retry-After"] == "1"
        small.send(b"}")
        # Its key is right, and it has no image.
        PIXLAB.check(small.answer(), 400)
        known.send(b" ")
        assert known.answer().status_code == 200


def test_a_stranger_who_comes_late_ends_nobody_with_a_key(busy: Busy) -> None:
    with ExitStack() as stack:
        heads = [dict(busy.head), {"x-api-key": busy.another_key("b")}]
        size = 45_000
        known = [begin(stack, busy, head, text_of(size)[:-1], size) for head in heads]
        wait_until_held(busy, 2 * size - 2)
        COREVIZ.check(stranger(stack, busy, 30_000).answer(), 429)
        for one in known:
            one.send(b" ")
            assert one.answer().status_code == 200


def test_an_image_from_elsewhere_finds_room_too(busy: Busy, pictures: PictureServer) -> None:
    with ExitStack() as stack:
        for _ in range(9):
            stranger(stack, busy, 11_000)
        wait_until_held(busy, 99_000)
        # Not an image: read, looked at and found to be none.
        told = busy.ask({"image": pictures.url("junk", bytes(40_000))})
        COREVIZ.check(told, 422)


# One consumer beside the others


@pytest.mark.parametrize("place", ["head", "body"])
def test_one_consumer_holds_at_most_half_of_the_bytes(busy: Busy, place: str) -> None:
    """Wherever its keys are, and whoever else has none of the bytes."""
    with ExitStack() as stack:
        begin(stack, busy, dict(busy.head), text_of(45_000), NEVER_SENT)
        wait_until_held(busy, 45_000)
        size = 10_000
        if place == "head":
            told = begin(stack, busy, dict(busy.head), text_of(size), size).answer()
            COREVIZ.check(told, 429)
        else:
            inside = {"key": busy.key, "img": "aaaa".ljust(size)}
            told = httpx2.post(busy.address + PIXLAB.path, json=inside, trust_env=False)
            PIXLAB.check(told, 429)
        assert "too many bytes" in told.text
        assert told.headers["Retry-After"] == "1"
        other = {"x-api-key": busy.another_key("b")}
        assert begin(stack, busy, other, text_of(size), size).answer().status_code == 200


# Half-closed connections


def test_a_client_that_closes_its_side_is_answered_or_not_counted(busy: Busy) -> None:
    """To the server it has left, as one that closes both sides; its work is cancelled."""
    answered = 0
    body = text_of(100)
    lines = [f"{name}: {value}" for name, value in busy.head.items()]
    head = f"POST {COREVIZ.path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n"
    message = (head + "\r\n".join(lines) + "\r\n\r\n").encode() + body
    host, _, port = busy.address.removeprefix("http://").partition(":")
    for slow in (False, True):
        if slow:
            busy.encoder.go.clear()
        for _ in range(5):
            with socket.create_connection((host, int(port)), timeout=20) as connection:
                connection.sendall(message)
                if slow:
                    # Long enough for its key to be judged and its unit to be reserved.
                    time.sleep(0.3)
                connection.shutdown(socket.SHUT_WR)
                answered += connection.recv(1 << 16).startswith(b"HTTP/1.1 200")
    busy.encoder.go.set()
    wait_until(lambda: bool(busy.app.state.services.in_flight.requests == 0))
    assert busy.counted() == answered
