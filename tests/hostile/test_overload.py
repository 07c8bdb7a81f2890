"""More work than can be done, and clients that take their time.

The encoder waits until a test lets it go, so that nothing here depends on speed.
"""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI, Response

from tests.support.contract.embed_routes import ENDPOINTS, JSON, KEY_HEADERS, V2, Endpoint
from tests.support.http.connection import Wire, wire
from tests.support.images.pictures import photo_jpeg
from tests.support.server.busy_server import PLACES, Busy, busy_server
from tests.support.server.hosted import hosted
from tests.support.server.places import PictureServer, create_key, imgvec


@pytest.fixture
def busy(
    tmp_path: Path, pictures: PictureServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Busy]:
    with busy_server(tmp_path, pictures, monkeypatch, IMGVEC_MAX_BODIES="100000") as server:
        yield server


def test_what_finds_no_place_is_refused_unread_and_uncounted(busy: Busy) -> None:
    busy.encoder.go.clear()
    with ThreadPoolExecutor(PLACES) as pool:
        placed = [pool.submit(busy.embed) for _ in range(PLACES)]
        wait_until_full(busy)
        for endpoint in ENDPOINTS.values():
            with wire(busy.address) as unread:
                # None of its body is ever sent, and nobody looks at its key.
                unread.begin(endpoint.path, 1_000_000, {KEY_HEADERS[endpoint.dialect]: "x"})
                refused = unread.answer()
            endpoint.check(refused, 429)
            assert int(refused.headers["Retry-After"]) >= 1
        assert_connection_stays(busy)
        assert_others_are_answered(busy)
        assert not any(job.done() for job in placed)
        busy.encoder.go.set()
        assert [job.result().status_code for job in placed] == [200] * PLACES
    assert busy.embed().status_code == 200
    listed = imgvec("keys", "list", "--json", environment=busy.environment)
    assert [row["embeddings"] for row in json.loads(listed.stdout)] == [PLACES + 1]


def test_strangers_wait_for_nothing_and_take_no_place(busy: Busy) -> None:
    busy.encoder.go.clear()
    with ThreadPoolExecutor(PLACES + 1) as pool:
        placed = [pool.submit(busy.embed) for _ in range(PLACES - 1)]
        wait_until_at_work(busy)
        # Nobody ahead of them is answered before they are.
        for key in ("", "x", create_key("gone", busy.environment)[0][:-1]) * PLACES:
            told = httpx2.post(
                f"{busy.address}/api/ai/embed",
                json={"text": "a cat"},
                headers={"x-api-key": key},
                trust_env=False,
            )
            ENDPOINTS["coreviz"].check(told, 401)
        placed.append(pool.submit(busy.embed))
        wait_until_full(busy)
        assert not any(job.done() for job in placed)
        busy.encoder.go.set()
        assert [job.result().status_code for job in placed] == [200] * PLACES


def test_who_hangs_up_leaves_its_place_and_is_not_encoded(busy: Busy) -> None:
    busy.encoder.go.clear()
    with ExitStack() as stack, ThreadPoolExecutor(PLACES) as pool:
        first = pool.submit(busy.embed)
        wait_until_at_work(busy)
        body = json.dumps({"text": "a dog"}).encode()
        impatient = [stack.enter_context(wire(busy.address)) for _ in range(PLACES - 1)]
        for one in impatient:
            one.begin("/api/ai/embed", len(body), busy.head, body)
        wait_until_full(busy)
        stack.close()
        wait_until_full(busy, full=False)
        # Those that had a turn already leave theirs as well.
        placed = [first, *(pool.submit(busy.embed) for _ in range(PLACES - 1))]
        wait_until_full(busy)
        busy.encoder.go.set()
        assert [job.result().status_code for job in placed] == [200] * PLACES
    assert busy.encoder.texts == ["a cat"] * PLACES
    listed = imgvec("keys", "list", "--json", environment=busy.environment)
    assert [row["embeddings"] for row in json.loads(listed.stdout)] == [PLACES]


def test_a_request_that_begins_before_the_answer_of_another_keeps_its_body(busy: Busy) -> None:
    """Pipelined: its head and half of its body come while the first one is at work."""
    busy.encoder.go.clear()
    body = json.dumps({"text": "a cat"}).encode()
    with wire(busy.address) as connection:
        connection.begin("/api/ai/embed", len(body), busy.head, body)
        wait_until_at_work(busy)
        connection.begin("/api/ai/embed", len(body), busy.head, body[:9])
        # Time for the server to read it.
        time.sleep(0.2)
        busy.encoder.go.set()
        assert connection.answer().status_code == 200
        time.sleep(0.2)
        connection.send(body[9:])
        assert connection.answer().status_code == 200


def test_images_from_elsewhere_wait_for_room(
    tmp_path: Path, pictures: PictureServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Together they are four times as large as all that may be held."""
    photo = photo_jpeg(400, 300, 85)
    count = 40
    settings = {"IMGVEC_MAX_BODIES": str(10 * len(photo)), "IMGVEC_QUEUE_SECONDS": "20"}
    with busy_server(tmp_path, pictures, monkeypatch, **settings) as busy:
        asset = {"asset_id": stored(busy, photo), "model": "mobileclip"}
        url = {"image_url": pictures.url("photo.jpg", photo), "model": "mobileclip"}
        busy.encoder.go.clear()

        def ask(content: dict[str, str]) -> int:
            answer = httpx2.post(
                f"{busy.address}{V2}/embeddings/image",
                json=content,
                headers={"Authorization": busy.key},
                timeout=60,
                trust_env=False,
            )
            return answer.status_code

        with ThreadPoolExecutor(count) as pool:
            asked = [pool.submit(ask, content) for content in [asset, url] * (count // 2)]
            for _ in range(1000):
                if busy.app.state.services.in_flight.requests == count:
                    break
                time.sleep(0.01)
            # Time to read them all, if nothing held it back.
            time.sleep(1)
            assert not any(job.done() for job in asked)
            busy.encoder.go.set()
            assert [job.result() for job in asked] == [200] * count


def wait_until_at_work(busy: Busy) -> None:
    """Until something is encoded."""
    for _ in range(1000):
        if busy.encoder.texts:
            return
        time.sleep(0.01)
    raise AssertionError("nothing is encoded")


def wait_until_full(busy: Busy, *, full: bool = True) -> None:
    """Ask, without a key, until the answer is that there is no place, or that there is one."""
    for _ in range(1000):
        asked = httpx2.post(f"{busy.address}/api/ai/embed", json={}, trust_env=False)
        if asked.status_code == (429 if full else 401):
            return
        assert asked.status_code == (401 if full else 429)
        time.sleep(0.01)
    raise AssertionError("the line never changed")


def assert_connection_stays(busy: Busy) -> None:
    """Whether a body has come or not, it is not waited for, and its connection takes the next."""
    body = json.dumps({"text": "a cat"}).encode()
    for before in (len(body), 5, 0):
        with wire(busy.address) as connection:
            for _ in range(3):
                connection.begin("/api/ai/embed", len(body), busy.head, body[:before])
                kept = connection.answer()
                assert (kept.status_code, kept.headers.get("Connection")) == (429, None)
                connection.send(body[before:])
            connection.begin("/api/ai/embed", len(body), busy.head, body[:5])
            assert connection.answer().status_code == 429
            # The rest never comes, and is waited for no longer than another request would be.
            assert connection.ended()


def test_an_answer_that_is_taken_late_and_a_body_that_comes_late(busy: Busy) -> None:
    """Both at once; the connection is as good as before."""
    asset = stored(busy, bytes(19_000_000))
    take_late(busy.address, f"GET {V2}/{asset}/download", f"Authorization: {busy.key}")


def test_a_whole_answer_that_is_taken_late_and_a_body_that_comes_late() -> None:
    """The same, of an answer that is made before any of it is taken."""
    app = FastAPI()
    app.add_api_route("/large", lambda: Response(bytes(19_000_000)))
    with hosted(app) as address:
        take_late(address, "GET /large", "Accept: */*")


def take_late(address: str, target: str, header: str) -> None:
    """Ask twice on a connection for 19 MB, read them later, and then send the request's body."""
    with wire(address) as connection:
        request = f"{target} HTTP/1.1\r\nHost: a\r\n{header}\r\nContent-Length: 5\r\n\r\n"
        for _ in range(2):
            connection.send(request.encode())
            time.sleep(0.5)
            assert len(connection.answer().content) == 19_000_000
            connection.send(b"12345")


def assert_others_are_answered(busy: Busy) -> None:
    """What does not compute has no part in the queue."""
    with httpx2.Client(base_url=busy.address, timeout=60, trust_env=False) as client:
        assert client.get("/health").status_code == 200
        assert client.get("/ready").status_code == 200
        assert client.get("/api/ai/embed").status_code == 405
        assert client.post("/api/ai/nothing").status_code == 404
        stored = client.post("/store", data={"key": busy.key}, files={"file": b"a file"})
        assert stored.status_code == 200
        metadata = client.get(f"{V2}/re_1/metadata", headers={"Authorization": busy.key})
        assert metadata.status_code == 400


def test_bodies_are_bounded_together(busy: Busy, pictures: PictureServer) -> None:
    """Those of several consumers; what one of them may hold is in test_strangers.py."""
    body = json.dumps({"text": "a cat" + " " * 39_000}).encode()
    heads = [{**busy.head, "x-api-key": busy.another_key(name)} for name in ("a", "b", "c")]
    with ExitStack() as stack:
        first, second, third = (stack.enter_context(wire(busy.address)) for _ in heads)
        for connection, head in ((first, heads[0]), (second, heads[1])):
            connection.begin("/api/ai/embed", len(body), head, body[:-1])
        assert busy.embed().status_code == 200
        third.begin("/api/ai/embed", len(body), heads[2], body)
        refused = third.answer()
        ENDPOINTS["coreviz"].check(refused, 429)
        assert refused.headers["Retry-After"] == "1"
        # An image from elsewhere counts as well, and is not looked at where there is no room.
        elsewhere = {"image": pictures.url("noise", bytes(49_000))}
        ENDPOINTS["coreviz"].check(busy.ask(elsewhere), 429)
        for connection in (first, second):
            connection.send(body[-1:])
            assert connection.answer().status_code == 200
        ENDPOINTS["coreviz"].check(busy.ask(elsewhere), 422)
    with wire(busy.address) as alone:
        # What was held is given back; and one that is alone passes, whatever its size.
        large = json.dumps({"text": "a cat" + " " * 150_000}).encode()
        alone.begin("/api/ai/embed", len(large), busy.head)
        alone.send(large)
        answer = alone.answer()
        assert answer.status_code == 200, answer.text


def test_slow_bodies_hold_no_place_and_end(
    tmp_path: Path, pictures: PictureServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"IMGVEC_BODY_TIMEOUT": "2"}
    with busy_server(tmp_path, pictures, monkeypatch, **settings) as busy, ExitStack() as stack:
        for endpoint in list(ENDPOINTS.values()) * PLACES:
            slow = stack.enter_context(wire(busy.address))
            slow.begin(endpoint.path, 1000, {"Content-Type": JSON})
            slow.send(b'{"img"')
            stack.callback(assert_too_slow, slow, endpoint)
        assert busy.embed().status_code == 200


def assert_too_slow(slow: Wire, endpoint: Endpoint) -> None:
    """The connection closes: the rest of the body would go on dripping."""
    answer = slow.answer()
    endpoint.check(answer, 400)
    assert answer.headers["Connection"] == "close"


def test_answer_that_nobody_takes(
    tmp_path: Path, pictures: PictureServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgvec.process.TAKE_SECONDS", 0.3)
    size = 19_000_000
    with (
        busy_server(tmp_path, pictures, monkeypatch) as busy,
        wire(busy.address) as slow,
    ):
        asset = stored(busy, bytes(size))
        request = f"GET {V2}/{asset}/download HTTP/1.1\r\nHost: a\r\nAuthorization: {busy.key}"
        slow.send(f"{request}\r\n\r\n".encode())
        time.sleep(3)
        assert slow.rest() < size


def stored(busy: Busy, data: bytes) -> str:
    """The id of a file with these bytes."""
    kept = httpx2.post(
        f"{busy.address}{V2}/upload",
        headers={"Authorization": busy.key},
        files={"file": data},
        timeout=60,
        trust_env=False,
    )
    return str(kept.raise_for_status().json()["data"]["asset_id"])
