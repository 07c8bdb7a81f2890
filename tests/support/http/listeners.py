"""Small servers for the tests of fetching: they answer by script, and note who came."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Listener:
    """A server on a loopback address."""

    address: str
    port: int
    requests: list[bytes] = field(default_factory=list)
    """The head of each request that arrived."""
    server_names: list[str | None] = field(default_factory=list)
    """The name asked for in each TLS handshake."""
    open: int = 0
    """Connections that neither side has ended."""

    async def all_closed(self) -> None:
        """Wait until the other side has closed every connection."""
        while self.open:
            await asyncio.sleep(0.01)


@asynccontextmanager
async def listener(
    answer: Answer,
    address: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
    until: bytes = b"\r\n\r\n",
) -> AsyncIterator[Listener]:
    """Answer whatever ends with `until` in the same way, until the end of the block."""
    found = Listener(address, port)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.open += 1
        try:
            found.requests.append(await reader.readuntil(until))
            await answer(reader, writer)
            writer.write_eof() if tls is None else writer.close()
            await reader.read()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the other side went away, as it may
        finally:
            found.open -= 1
            writer.close()

    if tls is not None:
        tls.sni_callback = lambda _, name, __: found.server_names.append(name)
    server = await asyncio.start_server(serve, address, port, ssl=tls)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()


def says(*parts: bytes, pause: float = 0.0) -> Answer:
    """Write the parts as they are, with a pause after each."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)

    return answer


def repeats(head: bytes, part: bytes, pause: float = 0.0) -> Answer:
    """Write the head, then the part for as long as anybody reads."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)

    return answer


def stalls(head: bytes = b"") -> Answer:
    """Write the head, then nothing for as long as the other side stays."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        await reader.read()

    return answer


def response(status: str = "200 OK", body: bytes = b"image", **headers: str) -> bytes:
    """A whole HTTP/1.1 response; the underscores of header names become hyphens."""
    lines = [f"HTTP/1.1 {status}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if "Content_Length" not in headers and "Transfer_Encoding" not in headers:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def redirect(location: str, status: str = "302 Found") -> Answer:
    return says(response(status, b"", Location=location))


@dataclass
class Names:
    """A name server that answers by script and counts the questions."""

    answers: dict[str, list[tuple[str, ...]]]
    """For each name the answers in turn; the last one is given for ever."""
    questions: list[str] = field(default_factory=list)

    async def resolve(self, host: str, port: int) -> tuple[IPv4Address | IPv6Address, ...]:
        self.questions.append(host)
        if host not in self.answers:
            raise OSError("no such name")
        script = self.answers[host]
        current = script[0] if len(script) == 1 else script.pop(0)
        return tuple(ip_address(address) for address in current)
