"""HTTP over a bare socket: for requests that no client library would send."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

TIMEOUT = 20.0
"""Seconds until a server that says nothing counts as hanging."""


@dataclass(frozen=True)
class Answer:
    """A whole response."""

    status: int
    headers: dict[str, str]
    """By name in lower case."""
    body: bytes

    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


@contextmanager
def connected(address: str) -> Iterator[socket.socket]:
    """A connection to `http://host:port`."""
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=TIMEOUT) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield connection


def read_answer(stream: BinaryIO) -> Answer | None:
    """The next response, which must have a length; None where the server has closed."""
    line = stream.readline()
    if not line:
        return None
    headers: dict[str, str] = {}
    while (header := stream.readline()) not in (b"\r\n", b""):
        name, _, value = header.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    # uvicorn's own refusal has no length and ends with the connection.
    length = int(headers.get("content-length", -1))
    return Answer(int(line.split()[1]), headers, stream.read(length))


def exchange(address: str, *pieces: bytes) -> list[Answer]:
    """Send pieces and give all answers until the server closes the connection."""
    with connected(address) as connection:
        for piece in pieces:
            connection.sendall(piece)
        with connection.makefile("rb") as stream:
            return list(iter(lambda: read_answer(stream), None))


def request(
    body: bytes = b"", *headers: str, path: str = "/imgembed", method: str = "POST"
) -> bytes:
    """A request with a length, the last of its connection."""
    lines = [f"{method} {path} HTTP/1.1", "Host: t", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "Connection: close", *headers, "", ""]).encode("latin-1") + body
