"""Bodies in chunks of one byte: 43,000 of them fit into one read of the server."""

import asyncio
import select
import threading
from collections.abc import Iterator
from contextlib import suppress

import httpx2
import pytest
from fastapi import FastAPI, Request
from starlette.requests import ClientDisconnect

from tests.support.http.connection import Wire, wire
from tests.support.http.raw_http import connected
from tests.support.server.hosted import LONGEST_SECONDS, hosted

BODY = bytes(range(256)) * 300
HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
TURN = 1000
"""More bytes than are parsed in a turn, and far fewer than a read holds."""


def one_by_one(body: bytes) -> bytes:
    return b"".join(b"1\r\n%c\r\n" % byte for byte in body)


class Reader(FastAPI):
    """Reads bodies whole, and keeps the pieces in which they came."""

    def __init__(self) -> None:
        """It waits for nothing until `go` is cleared."""
        super().__init__()
        self.pieces: list[bytes] = []
        self.go = threading.Event()
        self.go.set()
        self.ended = threading.Event()
        self.add_api_route("/", self.read, methods=["POST"])
        self.add_api_route("/health", lambda: "alive")
        self.add_api_route("/early", lambda: "read nothing", methods=["POST"])

    async def read(self, request: Request) -> int:
        """The number of bytes."""
        try:
            with suppress(ClientDisconnect):
                async for piece in request.stream():
                    self.pieces.append(piece)
                    if not self.go.is_set():
                        await asyncio.to_thread(self.go.wait, LONGEST_SECONDS)
        finally:
            self.ended.set()
        return len(b"".join(self.pieces))


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def address(reader: Reader) -> Iterator[str]:
    with hosted(reader) as found:
        yield found
        reader.go.set()


@pytest.fixture
def connection(address: str) -> Iterator[Wire]:
    with wire(address) as found:
        yield found


def alive(address: str) -> bool:
    return httpx2.get(f"{address}/health", trust_env=False).status_code == 200


def test_small_chunks_are_parsed_in_turns_and_in_order(reader: Reader, connection: Wire) -> None:
    """The application runs between two turns, and so does all else on the loop."""
    connection.send(HEAD + one_by_one(BODY) + END)
    assert connection.answer().json() == len(BODY)
    assert b"".join(reader.pieces) == BODY
    assert max(map(len, reader.pieces)) < TURN


def test_what_follows_small_chunks_on_the_connection_is_the_next_request(
    reader: Reader, connection: Wire
) -> None:
    health = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
    connection.send(HEAD + one_by_one(BODY) + END + health + HEAD + one_by_one(BODY) + END)
    assert connection.answer().json() == len(BODY)
    assert connection.answer().json() == "alive"
    assert connection.answer().json() == 2 * len(BODY)
    assert b"".join(reader.pieces) == 2 * BODY


def test_nothing_is_read_while_what_was_read_waits_for_its_turn(
    reader: Reader, address: str
) -> None:
    """Else the server would hold whatever a client can send."""
    piece = one_by_one(bytes(50_000))
    sent = 0
    reader.go.clear()
    with connected(address) as connection:
        connection.sendall(HEAD)
        while sent < 50_000_000 and select.select([], [connection], [], 1)[1]:
            sent += connection.send(piece)
    # Most of it lies in the buffers of both sockets.
    assert sent < 20_000_000


def test_a_client_that_leaves_between_turns(reader: Reader, address: str) -> None:
    with wire(address) as connection:
        connection.send(HEAD + one_by_one(BODY))
    assert reader.ended.wait(LONGEST_SECONDS)
    assert alive(address)


def test_an_answer_before_the_end_of_small_chunks(address: str) -> None:
    """The rest is dropped in turns too, and the connection is closed."""
    with wire(address) as connection:
        connection.send(HEAD.replace(b"/ ", b"/early ") + one_by_one(BODY))
        early = connection.answer()
        assert (early.json(), early.headers["Connection"]) == ("read nothing", "close")
        assert alive(address)
        connection.send(END)
        assert connection.ended()


def test_a_bad_chunk_among_good_ones_is_a_400(address: str) -> None:
    with wire(address) as connection:
        connection.send(HEAD + one_by_one(BODY) + b"no chunk\r\n")
        assert connection.answer().status_code == 400
        assert connection.ended()
    assert alive(address)
