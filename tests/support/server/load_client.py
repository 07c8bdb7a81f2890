"""A client that sends at a fixed rate, whatever comes back and however late."""

import asyncio
import random
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

LONGEST_SECONDS: Final = 60.0
"""What has not been answered by then counts as lost."""
FRESH_SECONDS: Final = 3.0
"""A connection that was idle for longer may be about to be closed by the server."""
LOST: Final = 0
"""In the place of a status: no answer, or not a whole one."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class Shot:
    """One kind of request, as it goes over the wire."""

    name: str
    message: bytes
    weight: float = 1.0
    cut: bool = False
    """Whether the client hangs up in the middle of its body."""


@dataclass(frozen=True)
class Answer:
    """What became of one request; times in seconds, `sent` since the epoch."""

    name: str
    sent: float
    took: float
    status: int


@dataclass
class Load:
    """Requests of several kinds, at `rate` a second for `seconds`, to a listener on this machine.

    A connection is used again as soon as it is free, and as many are opened as it takes.
    """

    port: int
    rate: float
    seconds: float
    shots: Sequence[Shot]
    seed: int = 1
    answers: list[Answer] = field(default_factory=list)
    _idle: deque[tuple[float, Streams]] = field(default_factory=deque, repr=False)

    def send(self) -> list[Answer]:
        """Send all, and wait for the last answer."""
        asyncio.run(self._send())
        return self.answers

    async def _send(self) -> None:
        loop = asyncio.get_running_loop()
        dice, started = random.Random(self.seed), loop.time()
        weights = [shot.weight for shot in self.shots]
        async with asyncio.TaskGroup() as group:
            for number in range(round(self.rate * self.seconds)):
                await asyncio.sleep(started + number / self.rate - loop.time())
                (shot,) = dice.choices(self.shots, weights)
                group.create_task(self._fire(shot))
        for _, (_, writer) in self._idle:
            writer.close()
            await writer.wait_closed()

    async def _fire(self, shot: Shot) -> None:
        sent, started = time.time(), time.perf_counter()
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                status = await self._ask(shot)
        except (OSError, EOFError, TimeoutError):
            status = LOST
        self.answers.append(Answer(shot.name, sent, time.perf_counter() - started, status))

    async def _ask(self, shot: Shot) -> int:
        reader, writer = streams = await self._connection()
        if shot.cut:
            writer.write(shot.message[: len(shot.message) // 2])
            await writer.drain()
            writer.close()
            return LOST
        writer.write(shot.message)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(_length(head))
        if b"connection: close" in head.lower():
            writer.close()
        else:
            self._idle.append((time.monotonic(), streams))
        return int(head.split(b" ", 2)[1])

    async def _connection(self) -> Streams:
        while self._idle:
            since, streams = self._idle.pop()
            if time.monotonic() - since < FRESH_SECONDS:
                return streams
            streams[1].close()
        return await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)


def _length(head: bytes) -> int:
    lines = head.lower().split(b"\r\n")
    return next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))


def message(
    path: str, body: bytes, headers: dict[str, str], *, announced: int | None = None
) -> bytes:
    """A POST request; `announced` is a length that is not the body's."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        *(f"{name}: {value}" for name, value in headers.items()),
        f"Content-Length: {len(body) if announced is None else announced}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body
