"""A server process: signals, the listener, the log, and uvicorn, which answers before it stops."""

import asyncio
import logging
import os
import signal
import socket
import sys
import time
import warnings
from collections.abc import Callable
from types import FrameType
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from imgvec.embedding.limiter import InFlight
from imgvec.settings import Settings

MOST_HEAD: Final = 1 << 16
"""Bytes of a head that comes in pieces."""
TAKE_SECONDS: Final = 60.0
"""How long a client may take nothing of what was sent to it; the kernel counts."""
DRAIN_SECONDS: Final = 30
"""How long a request that is under way may take to end once the server is asked to stop."""
GRACE_SECONDS: Final = 2
"""How long its answer may take to leave after that."""
POLL_SECONDS: Final = 0.05


def leave_at_once() -> None:
    """While a process starts, a signal to stop is no failure: the process ends on the spot.

    Nothing is raised: an extension that is just being imported would report it as its own failure.
    """
    _when_asked(lambda number, frame: os._exit(0))


def leave_quietly() -> None:
    """After the last answer, a signal to stop is no failure: the process ends in order."""
    # Uvicorn finishes what runs, then raises the signal again for the handler that it found.
    _when_asked(lambda number, frame: sys.exit(0))


def _when_asked(leave: Callable[[int, FrameType | None], None]) -> None:
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    # Under `nohup` a hang-up stays ignored. Uvicorn handles none, so it becomes a SIGTERM.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda number, frame: signal.raise_signal(signal.SIGTERM))


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections from now on; port 0 takes a free one.

    Raises:
        OSError: the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends without delay only on sockets whose protocol is spelled out; with the default
    # of 0 every answer waits 40 ms for the client's acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Connections inherit it. Only Linux has it.
    if sys.platform == "linux":
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(TAKE_SECONDS * 1000))
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    listener.listen(2048)
    return listener


def log_to_stderr(settings: Settings) -> None:
    """Our own lines only: a library's may hold addresses and query strings, and so keys."""
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("imgvec").setLevel(settings.log_level.upper())
    # Pillow's warnings on a stranger's damaged file are no concern of the operator's.
    warnings.filterwarnings("ignore", module="PIL")


def server(
    app: ASGIApp, in_flight: InFlight | None = None, root_path: str = ""
) -> "DrainingServer":
    """The server of an application."""
    config = uvicorn.Config(
        app,
        # Chosen, not found: what else is installed must not decide how requests are parsed.
        # httptools loses the body of a request that offers HTTP/2, as each of Java's does.
        http="h11",
        h11_max_incomplete_event_size=MOST_HEAD,
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
