"""The server's side of HTTP: where a request ends, what is refused early, odd headers and paths."""

import select
import socket
import time
from contextlib import suppress

import pytest

from raw_http import TIMEOUT, Answer, connected, exchange, read_answer, request
from target import Target

OVER = 20_000_001
PIECE = b"x" * 65_536


def good(target: Target) -> bytes:
    """A request that is answered with 200, the last of its connection."""
    key = target.words["KEY"]
    return request(b'{"text":"cat"}', f"x-api-key: {key}", path="/api/ai/embeddings")


def statuses(answers: list[Answer]) -> list[int]:
    return [answer.status for answer in answers]


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n"
CHUNKED = b"%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n0\r\n\r\n"
POST = b"POST /imgembed HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
TE = b"Transfer-Encoding: chunked\r\n"


def length(of: int) -> bytes:
    return b"Content-Length: %d\r\n" % of


# One request for us, or two for whoever reads its end in another way.
SMUGGLING = {
    "CL.TE": POST + length(5) + TE + b"\r\n0\r\n\r\n" + SMUGGLED,
    "CL.TE, the other way": POST + TE + length(len(CHUNKED)) + b"\r\n" + CHUNKED,
    "TE in capitals": POST + length(5) + b"TRANSFER-ENCODING: CHUNKED\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "TE.TE": POST + TE + b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "TE, unknown": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "TE, a list": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "TE, vertical tab": POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "TE, space before the colon": POST + b"Transfer-Encoding : chunked\r\n\r\n" + CHUNKED,
    "TE in HTTP/1.0": POST.replace(b"1.1", b"1.0") + length(5) + TE + b"\r\n" + CHUNKED,
    "CL.CL": POST + length(0) + length(len(SMUGGLED)) + b"\r\n" + SMUGGLED,
    "CL, a list": POST + b"Content-Length: 0, 37\r\n\r\n" + SMUGGLED,
    "CL with a sign": POST + b"Content-Length: +0\r\n\r\n" + SMUGGLED,
    "CL in hexadecimal": POST + b"Content-Length: 0x0\r\n\r\n" + SMUGGLED,
    "CL negative": POST + b"Content-Length: -1\r\n\r\n" + SMUGGLED,
    "CL of 5000 digits": POST + b"Content-Length: " + b"0" * 5000 + b"\r\n\r\n" + SMUGGLED,
    "CL empty": POST + b"Content-Length:\r\n\r\n" + SMUGGLED,
    "chunk of no size": POST + TE + b"\r\n\r\n" + SMUGGLED,
    "chunk of a negative size": POST + TE + b"\r\n-1\r\n\r\n" + SMUGGLED,
    "chunk with 0x": POST + TE + b"\r\n0x0\r\n\r\n" + SMUGGLED,
    "chunk size of 30 digits": POST + TE + b"\r\n" + b"f" * 30 + b"\r\n" + SMUGGLED,
    "chunk longer than said": POST + TE + b"\r\n1\r\nabc\r\n0\r\n\r\n" + SMUGGLED,
    "no Host": b"GET /health HTTP/1.1\r\n\r\n" + SMUGGLED,
    "two Hosts": b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + SMUGGLED,
    "a bare line feed in a value": b"GET /health HTTP/1.1\r\nHost: t\r\nX: a\nb\r\n\r\n" + SMUGGLED,
    "a bare carriage return": b"GET /health HTTP/1.1\r\nHost: t\r\nX: a\rY: b\r\n\r\n" + SMUGGLED,
    "NUL in a value": b"GET /health HTTP/1.1\r\nHost: t\r\nX: a\0b\r\n\r\n" + SMUGGLED,
    "no name": b"GET /health HTTP/1.1\r\nHost: t\r\n: x\r\n\r\n" + SMUGGLED,
    "a space in the target": b"GET /health /x HTTP/1.1\r\nHost: t\r\n\r\n" + SMUGGLED,
    "HTTP/0.9": b"GET /health\r\n\r\n" + SMUGGLED,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
}


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
    while not select.select([connection], [], [], 0)[0]:
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
    # What lies in the buffers of both sockets comes on top of the limit.
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
    assert answer.status in {401, 404}
    assert answered < 4 < time.monotonic() - started < TIMEOUT


def test_a_refused_body_that_ends_leaves_its_client_an_answer(target: Target) -> None:
    """A client that sends everything before it reads."""
    head = headers_of(b"Content-Type: application/json", b"Content-Length: %d" % OVER)
    answers = exchange(target.running.address, head, b"x" * OVER)
    assert statuses(answers) == [413]


# Headers and paths


HEADERS = {
    "100 headers": ([f"X-{n}: y" for n in range(100)], 200),
    "a header of 30 kB": ([f"X: {'y' * 30_000}"], 200),
    "no ASCII": (["X: \xff\xfe"], 200),
    "key of no ASCII": (["x-api-key: \xff\xfe"], 401),
    "key of 30 kB": ([f"x-api-key: {'y' * 30_000}"], 401),
    "key twice, unlike": (["x-api-key: imgvec_x"], 401),
    "Bearer of nothing": (["Authorization: Bearer"], 200),
    "Basic": (["Authorization: Basic dTpw"], 200),
    "content type of commas": (["Content-Type: ,,;;=\xe9"], 400),
    "content types": (["Content-Type: application/json", "Content-Type: text/plain"], 200),
    "charset of the moon": (["Content-Type: application/json; charset=moon"], 200),
    "content encoding": (["Content-Encoding: gzip"], 200),
    "Idempotency-Key of no ASCII": (["Idempotency-Key: \xff"], 400),
    "Idempotency-Key of 30 kB": ([f"Idempotency-Key: {'y' * 30_000}"], 400),
    "forwarded": (["X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: javascript"], 200),
    "another Host": (["X-Forwarded-Host: evil.invalid"], 200),
    "another method": (["X-HTTP-Method-Override: DELETE"], 200),
    "upgrade": (["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: x"], 200),
    "HTTP/2 upgrade": (["Upgrade: h2c", "HTTP2-Settings: x"], 200),
    "range": (["Range: bytes=0-9999999999"], 200),
    "expect": (["Expect: the unexpected"], 200),
}


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
    """The server closes on what has not been read; the refusal may be lost with it."""
    with suppress(ConnectionError):
        assert statuses(exchange(target.running.address, request(b"", line))) == [400]
    assert target.good() == target.vector


PATHS = {
    "/../../etc/passwd": 404,
    "/%2e%2e/%2e%2e/etc/passwd": 404,
    "//imgembed": 404,
    "/imgembed/..;/docs": 404,
    "/imgembed%00": 404,
    "/imgembed%0d%0aX: y": 400,
    "/imgembed%ff": 404,
    "/imgembed%": 404,
    "/imgembed?%": 401,
    "/imgembed?key=%00&img=%ff": 401,
    "/imgembed?" + "a=b&" * 10_000: 401,
    "/imgembed?key[]=x&key.a=x": 401,
    "/" + "a" * 50_000: 404,
    "/" + "a/" * 20_000: 404,
    "*": 404,
    "http://169.254.169.254/latest/meta-data": 404,
    "/store/..%2f..%2fetc%2fpasswd": 404,
    "/serve/api/v2/re_..%2f..%2fx/download": 404,
    "/serve/api/v2/re_%00/metadata": 401,
    "/docs/../imgembed": 404,
    "/static/%2e%2e/%2e%2e/etc/passwd": 404,
}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:30])
def test_paths(target: Target, path: str) -> None:
    (answer,) = exchange(target.running.address, request(path=path, method="GET"))
    assert answer.status == PATHS[path], answer.body
    assert b"root:" not in answer.body
    assert b"Traceback" not in answer.body
