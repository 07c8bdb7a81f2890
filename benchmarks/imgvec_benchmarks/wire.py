"""A client that costs next to nothing: prebuilt requests over a kept connection."""

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

BOUNDARY: Final = "imgvec-bench"
FORM: Final = f"multipart/form-data; boundary={BOUNDARY}"


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def written(self) -> bytes:
        headers = {"Host": "127.0.0.1", "Content-Length": str(len(self.body)), **self.headers}
        lines = [f"{self.method} {self.path} HTTP/1.1", *map(": ".join, headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


def get(path: str) -> Request:
    return Request("GET", path, {})


def post_json(path: str, key: str, content: object) -> Request:
    """A JSON body, with the key in CoreViz's header."""
    headers = {"Content-Type": "application/json", "x-api-key": key}
    return Request("POST", path, headers, json.dumps(content).encode())


def img_embed(key: str, photo: bytes) -> Request:
    """An image in a form, at PixLab's, in 512 dimensions."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in (("key", key), ("dimension", "512"))
    ]
    file = 'Content-Disposition: form-data; name="file"; filename="p.jpg"'
    start = "".join([*parts, f"--{BOUNDARY}\r\n{file}\r\n\r\n"]).encode()
    body = start + photo + f"\r\n--{BOUNDARY}--\r\n".encode()
    return Request("POST", "/imgembed", {"Content-Type": FORM}, body)


class Connection:
    """One kept connection to a server."""

    def __init__(self, address: str) -> None:
        """Connect to `http://HOST:PORT`."""
        parts = urlsplit(address)
        self._socket = socket.create_connection((parts.hostname, parts.port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = self._socket.makefile("rb")

    def ask(self, request: bytes, status: int = 200) -> None:
        """Send a request, read the whole answer, which must have this status."""
        self._socket.sendall(request)
        found = int(self._stream.readline().split()[1])
        length = 0
        while (line := self._stream.readline()) != b"\r\n":
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        answer = self._stream.read(length)
        assert found == status, answer

    def close(self) -> None:
        self._stream.close()
        self._socket.close()
