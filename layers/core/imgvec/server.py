"""uvicorn, through its options; asked to stop, it answers what it has accepted."""

import asyncio
import time
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from imgvec.embedding.in_flight import InFlight

MOST_HEAD: Final = 1 << 16
"""Bytes of a head that comes in pieces."""
DRAIN_SECONDS: Final = 30
"""How long a request that is under way may take to end once the server is asked to stop."""
GRACE_SECONDS: Final = 2
"""How long its answer may take to leave after that."""
POLL_SECONDS: Final = 0.05


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
