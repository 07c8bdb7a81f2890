"""A connection on which a test sends what it likes, when it likes."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPResponse

import httpx2

from tests.support.http.raw_http import connected


class Wire:
    """One connection to a server on this machine."""

    def __init__(self, connection: socket.socket) -> None:
        """Nothing is sent yet."""
        self._connection = connection

    def begin(self, path: str, length: int, headers: Mapping[str, str], body: bytes = b"") -> None:
        """The head of a POST request whose body is to have `length` bytes, and its begin."""
        lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {length}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode() + body)

    def send(self, data: bytes) -> None:
        """Bytes as they are."""
        self._connection.sendall(data)

    def answer(self) -> httpx2.Response:
        """Wait for the answer to what was sent so far."""
        with HTTPResponse(self._connection) as answer:
            answer.begin()
            return httpx2.Response(
                answer.status, headers=answer.getheaders(), content=answer.read()
            )

    def rest(self) -> int:
        """How many bytes come until the connection ends."""
        size = 0
        try:
            while taken := len(self._connection.recv(1 << 20)):
                size += taken
        except ConnectionError:
            pass
        return size

    def ended(self) -> bool:
        """Wait for the server to send something; whether it has closed the connection instead."""
        try:
            return not self._connection.recv(1)
        except ConnectionError:
            return True


@contextmanager
def wire(address: str) -> Iterator[Wire]:
    """A connection to `http://host:port`."""
    with connected(address) as connection:
        yield Wire(connection)
