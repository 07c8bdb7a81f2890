"""uvicorn: asked to stop, it answers what it has accepted, and no body holds up its loop."""

import asyncio
import socket
import time
from typing import Final, cast

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.h11_impl import H11Protocol

from imgvec.embedding.in_flight import InFlight
from imgvec.process import hear_signals

MOST_HEAD: Final = 1 << 16
"""Bytes of a head that comes in pieces."""
DRAIN_SECONDS: Final = 30
"""How long a request that is under way may take to end once the server is asked to stop."""
GRACE_SECONDS: Final = 2
"""How long its answer may take to leave after that."""
POLL_SECONDS: Final = 0.05
EVENTS: Final = 64
"""Chunks of a body that are parsed before other connections have their turn."""


def server(
    app: ASGIApp, in_flight: InFlight | None = None, root_path: str = ""
) -> "DrainingServer":
    """The server of an application."""
    config = uvicorn.Config(
        app,
        # Chosen, not found: what else is installed must not decide how requests are parsed.
        # httptools loses the body of a request that offers HTTP/2, as each of Java's does.
        http=FairH11,
        # uvloop where it is installed; the serving image has none.
        loop="auto",
        ws="none",
        root_path=root_path,
        access_log=False,
        log_config=None,
        # It logs exceptions with their text, and with a traceback what a stop breaks off.
        log_level="critical",
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return DrainingServer(config, in_flight)


class DrainingServer(uvicorn.Server):
    """Asked to stop, it listens on until the last accepted request is answered.

    Uvicorn alone closes its listener at once, on clients that have connected and were not read yet.
    With `in_flight`, new requests are rejected and `/ready` is 503 meanwhile. A second Ctrl-C does
    not wait.
    """

    def __init__(self, config: uvicorn.Config, in_flight: InFlight | None) -> None:
        """Without `in_flight`, all requests are accepted ones."""
        super().__init__(config)
        self._in_flight = in_flight

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin; from here on a signal to stop is uvicorn's."""
        hear_signals()
        await super().startup(sockets)

    async def main_loop(self) -> None:
        """Serve until a signal comes, then drain."""
        await super().main_loop()
        if self._in_flight is not None:
            self._in_flight.draining = True
        deadline = time.monotonic() + DRAIN_SECONDS
        # The first pause reads connections that the kernel has accepted already.
        await asyncio.sleep(POLL_SECONDS)
        while self._at_work() and not self.force_exit and time.monotonic() < deadline:
            await asyncio.sleep(POLL_SECONDS)

    def _at_work(self) -> int:
        if self._in_flight is None:
            return len(self.server_state.tasks)
        return self._in_flight.requests


class FairH11(H11Protocol):
    """Parses a read of many small chunks in turns, and reads on once it is parsed.

    Uvicorn alone parses the 43,000 chunks of one byte that a read may hold in one go, and nobody
    else has an answer meanwhile.
    """

    _turn: asyncio.Handle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Read through a gate, and parse so many events at a time."""
        super().connection_made(cast(asyncio.Transport, transport))
        self.conn = self._events = _Events(h11.SERVER, MOST_HEAD)
        self.flow = self._gate = _Gate(self.transport)

    def handle_events(self) -> None:
        """Parse for one turn; what is left waits for the next one."""
        self._events.left = EVENTS
        super().handle_events()
        if self._events.left:
            self._gate.open()
            return
        self._gate.close()
        if self._turn is None:
            self._turn = self.loop.call_soon(self._next_turn)

    def _next_turn(self) -> None:
        self._turn = None
        if not self.transport.is_closing():
            self.handle_events()


class _Events(h11.Connection):
    """Has no more events once the turn is over; the bytes stay where they are."""

    left = 0

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        if not self.left:
            return h11.NEED_DATA
        self.left -= 1
        return super().next_event()


class _Gate(FlowControl):
    """Shut, nothing is read, whatever uvicorn asks for; open, as uvicorn asked last."""

    _shut = False

    def open(self) -> None:
        if self._shut:
            self._shut = False
            if not self.read_paused:
                self._transport.resume_reading()

    def close(self) -> None:
        self._shut = True
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self._shut:
            self.read_paused = False
        else:
            super().resume_reading()
