"""The servers of the internet that the table of fetching is tried on, told apart by path.

Every address leads here, so each connection is noted with the address it was meant for.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Final

from tests.support.http.fetch_table import OTHER
from tests.support.http.listeners import Answer, redirect, repeats, response, says, stalls

PLAIN_PORTS: Final = (22, 80, 3128, 8080, 9001)
TLS_PORT: Final = 443
MAX_BYTES: Final = 100_000
PAUSE: Final = 0.02
MARKER: Final = "198.41.0.4"
"""Named by no row."""

_CHUNKED: Final = response(Transfer_Encoding="chunked", body=b"")
_BOMB: Final = b"\x1f\x8b" + bytes(1000)
_ANSWERS: Final[dict[str, Answer]] = {
    "until-the-end": says(b"HTTP/1.1 200 OK\r\n\r\nimage"),
    "most": says(response(body=b"x" * MAX_BYTES)),
    "one-more": says(_CHUNKED, b"%x\r\n%b\r\n0\r\n\r\n" % (MAX_BYTES + 1, b"x" * (MAX_BYTES + 1))),
    "promise": stalls(response(Content_Length=str(MAX_BYTES + 1), body=b"")),
    "endless": repeats(_CHUNKED, b"4000\r\n" + b"x" * 0x4000 + b"\r\n"),
    "gzip": says(response(Content_Encoding="gzip", body=_BOMB)),
    "gzip-transfer": says(response(Transfer_Encoding="gzip, chunked", body=_BOMB)),
    "shorter": says(response(Content_Length="9")),
    "longer": says(response(Content_Length="5", body=b"image and more")),
    "two-lengths": says(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 4\r\n\r\nimage"),
    "negative": says(response(Content_Length="-5")),
    "length-and-chunks": says(
        response(Transfer_Encoding="chunked", Content_Length="3", body=b"zz\r\nimage")
    ),
    "empty": says(response(body=b"")),
    "206": says(response("206 Partial Content", Content_Range="bytes 0-4/9")),
    "404": says(response("404 Not Found")),
    "headers": repeats(b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 1000 + b"\r\n"),
    "one-header": repeats(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 10_000),
    "interim": repeats(b"", b"HTTP/1.1 103 Early\r\n\r\n", PAUSE),
    "drip": repeats(response(Content_Length="900", body=b""), b"x", PAUSE),
    "drip-headers": repeats(b"HTTP/1.1 200 OK\r\nX: ", b"x", PAUSE),
    "drip-chunks": repeats(_CHUNKED, b"1\r\nx\r\n", PAUSE),
    "stall": stalls(),
    "circle": redirect("/circle"),
    "slow-hops": says(b"", response("302 Found", b"", Location=f"http://{OTHER}/stall"), pause=0.3),
}
_IMAGE: Final = says(response())


def _answer_to(path: str) -> Answer:
    name, _, location = path.removeprefix("/").partition("?")
    if name == "to":
        return redirect(location.replace("%5C", "\\"))
    if name.startswith("chain/"):
        left = int(name.removeprefix("chain/"))
        return redirect(f"/chain/{left - 1}") if left else _IMAGE
    return _ANSWERS.get(name, _IMAGE)


def arrived_at(name: tuple[str, int] | tuple[str, int, int, int]) -> tuple[str, int]:
    """The address and port that a connection was meant for; IPv4 in its own form."""
    address = ip_address(name[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address), name[1]


@dataclass
class World:
    """All servers together."""

    visits: list[tuple[str, int]] = field(default_factory=list)
    """Whom each connection was meant for, in order."""

    async def noted(self) -> list[tuple[str, int]]:
        """All visits since the last call.

        A marker goes to every port, behind whatever is on its way there: once it is noted, so is
        all before it; and it shows that the listeners listen.
        """
        markers = [(MARKER, port) for port in (*PLAIN_PORTS, TLS_PORT)]
        opened = await asyncio.gather(*(asyncio.open_connection(*marker) for marker in markers))
        while not set(markers) <= set(self.visits):
            await asyncio.sleep(0.001)
        for _, writer in opened:
            writer.close()
        found = [visit for visit in self.visits if visit[0] != MARKER]
        self.visits.clear()
        return found

    async def accept(self, listening: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Note and serve all that connect, for ever."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as served:
            while True:
                connection, _ = await loop.sock_accept(listening)
                self.visits.append(arrived_at(connection.getsockname()))
                served.create_task(_serve(connection, tls))


async def _serve(connection: socket.socket, tls: ssl.SSLContext | None) -> None:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader, _answer)
    with suppress(OSError):
        loop = asyncio.get_running_loop()
        await loop.connect_accepted_socket(lambda: protocol, connection, ssl=tls)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, asyncio.IncompleteReadError):
        head = await reader.readuntil(b"\r\n\r\n")
        await _answer_to(head.split(b" ")[1].decode())(reader, writer)
    writer.close()


@asynccontextmanager
async def world(tls: ssl.SSLContext) -> AsyncIterator[World]:
    """Listen on every address until the end of the block."""
    found = World()
    async with asyncio.TaskGroup() as servers:
        accepting = []
        for port in (*PLAIN_PORTS, TLS_PORT):
            listening = socket.create_server(
                ("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=500
            )
            listening.setblocking(False)
            context = tls if port == TLS_PORT else None
            accepting.append(servers.create_task(found.accept(listening, context)))
        try:
            yield found
        finally:
            for task in accepting:
                task.cancel()
