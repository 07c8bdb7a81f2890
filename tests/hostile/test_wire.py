"""The server's side of HTTP: where a request ends, what is refused early, odd headers and paths."""

import select
import socket
import time
from contextlib import suppress

import pytest

from tests.support.http.odd_requests import HEADERS, PATHS
from tests.support.http.raw_http import TIMEOUT, Answer, connected, exchange, read_answer, request
from tests.support.http.smuggling import CHUNKED, POST, SMUGGLED, SMUGGLING, TE, length
from tests.support.server.hostile_target import Target

OVER = 20_000_001
PIECE = b"x" * 65_536


def good(target: Target) -> bytes:
    """A request that is answered with 200, the last of its connection."""
    key = target.words["KEY"]
    return request(b'{"text":"cat"}', f"x-api-key: {key}", path="/api/ai/embeddings")


def statuses(answers: list[Answer]) -> list[int]:
    return [answer.status for answer in answers]


@pytest.mark.parametrize("name", SMUGGLING)
def test_an_end_in_doubt_ends_the_connection(target: Target, name: str) -> None:
    """One refusal, and what follows is no request."""
    assert statuses(exchange(target.running.address, SMUGGLING[name])) == [400]
    assert statuses(exchange(target.running.address, good(target))) == [200]


def test_two_lengths_are_refused_in_the_vendors_words(target: Target) -> None:
    (answer,) = exchange(target.running.address, SMUGGLING["CL.TE"])
    assert answer.json() == {"status": 400, "error": "The request has two lengths"}


def test_pipelined_requests_are_two(target: Target) -> None:
    """Positive control: two whole requests on one connection have two answers."""
    first = SMUGGLED.replace(b"smuggled", b"health")
    assert statuses(exchange(target.running.address, first + good(target))) == [200, 200]


def test_chunks_may_be_of_any_size(target: Target) -> None:
    """Positive control, with an extension and a trailer."""
    body = b'1;a=b\r\n{\r\nd\r\n"text":"cat"}\r\n0\r\nX: y\r\n\r\n'
    head = POST.replace(b"/imgembed", b"/api/ai/embeddings")
    key = f"x-api-key: {target.words['KEY']}\r\nConnection: close\r\n\r\n".encode()
    assert statuses(exchange(target.running.address, head + TE + key, body)) == [200]


# Refused as soon as it is passed


def headers_of(*lines: bytes, path: bytes = b"/imgembed") -> bytes:
    return b"\r\n".join([b"POST " + path + b" HTTP/1.1", b"Host: t", *lines, b"", b""])


@pytest.mark.parametrize("media_type", [b"application/json", b"multipart/form-data; boundary=x"])
def test_a_length_over_the_limit_is_refused_unread(target: Target, media_type: bytes) -> None:
    """Before a byte of the body is sent."""
    head = headers_of(b"Content-Type: " + media_type, b"Content-Length: %d" % OVER)
    with connected(target.running.address) as connection, connection.makefile("rb") as stream:
        connection.sendall(head)
        answer = read_answer(stream)
    assert answer is not None
    assert answer.status == 413
    assert answer.headers["connection"] == "close"


def test_a_client_that_asks_first_is_told_no(target: Target) -> None:
    """`Expect: 100-continue`: the refusal comes instead of the permission."""
    head = headers_of(b"Expect: 100-continue", b"Content-Length: %d" % OVER)
    with connected(target.running.address) as connection, connection.makefile("rb") as stream:
        connection.sendall(head)
        answer = read_answer(stream)
    assert answer is not None
    assert answer.status == 413


def send_until_answered(connection: socket.socket, piece: bytes) -> int:
    """Send a piece again and again; gives the bytes sent when the answer begins to arrive."""
    sent = 0
    while sent < 3 * OVER and not select.select([connection], [], [], 0)[0]:
        connection.sendall(piece)
        sent += len(piece)
    return sent


@pytest.mark.parametrize("media_type", [b"application/json", b"multipart/form-data; boundary=edge"])
def test_an_endless_body_is_refused_while_it_comes(target: Target, media_type: bytes) -> None:
    head = headers_of(b"Content-Type: " + media_type, b"Transfer-Encoding: chunked")
    first = b'--edge\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
    with connected(target.running.address) as connection, connection.makefile("rb") as stream:
        connection.sendall(head + b"%x\r\n" % len(first) + first + b"\r\n")
        sent = send_until_answered(connection, b"10000\r\n" + PIECE + b"\r\n")
        answer = read_answer(stream)
    assert answer is not None
    assert answer.status == 413
    # The buffers of both sockets come on top of the limit.
    assert OVER - 100_000 < sent < OVER + 15_000_000


@pytest.mark.parametrize("path", [b"/nothing", b"/imgembed"])
def test_nobody_reads_an_endless_body_for_ever(target: Target, path: bytes) -> None:
    """The answer is there at once, and some seconds later the connection is closed."""
    head = headers_of(b"Content-Type: text/xml", b"Content-Length: 999999999999", path=path)
    with connected(target.running.address) as connection, connection.makefile("rb") as stream:
        started = time.monotonic()
        connection.sendall(head + b"x")
        answer = read_answer(stream)
        answered = time.monotonic() - started
        with pytest.raises(OSError, match=r"reset|pipe"):
            while time.monotonic() - started < TIMEOUT:
                connection.sendall(PIECE)
                time.sleep(0.05)
    assert answer is not None
    assert answer.status in {404, 415}
    assert answered < 4 < time.monotonic() - started < TIMEOUT


def test_no_more_of_a_refused_body_is_taken_than_of_one_that_is_read(target: Target) -> None:
    """However fast it comes."""
    head = headers_of(b"Content-Length: 999999999999", path=b"/nothing")
    sent = 0
    with connected(target.running.address) as connection, suppress(ConnectionError):
        connection.sendall(head)
        while sent < 10 * OVER:
            connection.sendall(PIECE)
            sent += len(PIECE)
    # The buffers of both sockets come on top of the limit.
    assert OVER < sent < OVER + 15_000_000


def test_a_refused_body_that_ends_leaves_its_client_an_answer(target: Target) -> None:
    """A client that sends everything before it reads."""
    head = headers_of(b"Content-Type: application/json", b"Content-Length: %d" % OVER)
    answers = exchange(target.running.address, head, b"x" * OVER)
    assert statuses(answers) == [413]


SHORT = SMUGGLED * 20
LONG = SMUGGLED * 2000


@pytest.mark.parametrize("body", [SHORT, LONG], ids=["short", "long"])
@pytest.mark.parametrize("before", [0, 1, 100, -1, None], ids=str)
def test_nothing_of_a_refused_body_is_a_request(
    target: Target, body: bytes, before: int | None
) -> None:
    """Whatever has come of it before the answer; what follows it is one, in the same breath."""
    head = headers_of(b"Content-Length: %d" % len(body), path=b"/nothing")
    cut = len(body) if before is None else before
    with connected(target.running.address) as connection, connection.makefile("rb") as stream:
        for _ in range(2):
            connection.sendall(head + body[:cut])
            refused = read_answer(stream)
            assert refused is not None
            assert (refused.status, refused.headers.get("connection")) == (404, None)
            connection.sendall(body[cut:])
        connection.sendall(good(target))
        answered = read_answer(stream)
        assert answered is not None
        assert answered.status == 200
        assert read_answer(stream) is None


@pytest.mark.parametrize(
    "pieces",
    {
        "chunked": (TE + b"\r\n", CHUNKED),
        "chunked, in the middle": (TE + b"\r\n", b"1000\r\n"),
        "asked first": (b"Expect: 100-continue\r\n" + length(len(SHORT)) + b"\r\n",),
        "too long": (length(3_000_000) + b"\r\n",),
    }.values(),
    ids=lambda pieces: repr(pieces[0])[:30],
)
def test_nothing_follows_a_refused_body_whose_end_is_in_doubt(
    target: Target, pieces: tuple[bytes, ...]
) -> None:
    """Nor one that the client need not send at all."""
    head = POST.replace(b"/imgembed", b"/nothing") + pieces[0]
    (answer,) = exchange(target.running.address, head, *pieces[1:], SMUGGLED * 3)
    assert (answer.status, answer.headers["connection"]) == (404, "close")


# Headers and paths


@pytest.mark.parametrize("name", HEADERS)
def test_headers(target: Target, name: str) -> None:
    lines, status = HEADERS[name]
    key = f"x-api-key: {target.words['KEY']}"
    sent = request(b'{"text":"cat"}', key, *lines, path="/api/ai/embeddings")
    answer, *_ = exchange(target.running.address, sent)
    assert answer.status == status, answer.body
    assert "evil" not in str(answer.headers)
    assert target.good() == target.vector


@pytest.mark.parametrize("line", ["X: " + "y" * 300_000, "X: y\r\n" * 40_000])
def test_headers_without_end(target: Target, line: str) -> None:
    """The connection ends; a client that is still sending need not see the 400."""
    with suppress(ConnectionError):
        assert statuses(exchange(target.running.address, request(b"", line))) == [400]
    assert target.good() == target.vector


def test_a_long_head_may_come_in_pieces(target: Target) -> None:
    """Whether it is taken does not hang on how a network cuts it."""
    head = headers_of(b"X: " + b"y" * 50_000, b"Content-Length: 0", path=b"/nothing")
    with connected(target.running.address) as connection, connection.makefile("rb") as stream:
        for start in range(0, len(head), 10_000):
            connection.sendall(head[start : start + 10_000])
            time.sleep(0.05)
        answer = read_answer(stream)
    assert answer is not None
    assert answer.status == 404


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:30])
def test_paths(target: Target, path: str) -> None:
    (answer,) = exchange(target.running.address, request(path=path, method="GET"))
    assert answer.status == PATHS[path], answer.body
    assert b"root:" not in answer.body
    assert b"Traceback" not in answer.body
