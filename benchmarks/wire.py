"""A client that costs next to nothing: one prebuilt request over a kept connection."""

import socket
from typing import Final
from urllib.parse import urlsplit

BOUNDARY: Final = "imgvec-bench"


def multipart(path: str, host: str, fields: dict[str, str], photo: bytes) -> bytes:
    """A whole HTTP/1.1 request with fields and a file."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    file = 'Content-Disposition: form-data; name="file"; filename="p.jpg"'
    start = "".join([*parts, f"--{BOUNDARY}\r\n{file}\r\n\r\n"]).encode()
    body = start + photo + f"\r\n--{BOUNDARY}--\r\n".encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    )
    return head.encode() + body


class Connection:
    """One kept connection to a server."""

    def __init__(self, address: str) -> None:
        """Connect to `http://HOST:PORT`."""
        parts = urlsplit(address)
        self._socket = socket.create_connection((parts.hostname, parts.port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = self._socket.makefile("rb")

    def ask(self, request: bytes) -> int:
        """Send a request, read the whole answer; gives its status."""
        self._socket.sendall(request)
        status = int(self._stream.readline().split()[1])
        length = 0
        while (line := self._stream.readline()) != b"\r\n":
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        self._stream.read(length)
        return status

    def close(self) -> None:
        """Hang up."""
        self._stream.close()
        self._socket.close()
