"""Servers under uvicorn that answer what they have accepted before they stop.

Uvicorn alone closes its listener at once, on clients that have connected and were not read yet.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import uvicorn

from imgvec.embedding.in_flight import InFlight

DRAIN_SECONDS: Final = 30
"""How long a request that is under way may take to end once the server is asked to stop."""
GRACE_SECONDS: Final = 2
"""How long its answer may take to leave after that."""
POLL_SECONDS: Final = 0.05


class LastingServer(uvicorn.Server):
    """Asked to stop, it goes on until no request is under way.

    Meant for where nobody sends new ones to a process that is to stop.
    """

    def __init__(self, config: uvicorn.Config, seconds: float) -> None:
        """It goes on for `seconds` at most."""
        super().__init__(config)
        self._seconds = seconds

    async def main_loop(self) -> None:
        """Serve until a signal comes, then to the end."""
        await super().main_loop()
        await _last(self, lambda: len(self.server_state.tasks), self._seconds)


class DrainingServer(uvicorn.Server):
    """Asked to stop, it refuses new requests and goes on listening until the last is answered.

    `/ready` answers 503 in the meantime. A second Ctrl-C does not wait.
    """

    def __init__(self, config: uvicorn.Config, in_flight: InFlight, seconds: float) -> None:
        """Requests that have not ended after `seconds` are broken off."""
        super().__init__(config)
        self._in_flight = in_flight
        self._seconds = seconds

    async def main_loop(self) -> None:
        """Serve until a signal comes, then drain."""
        await super().main_loop()
        self._in_flight.draining = True
        await _last(self, lambda: self._in_flight.requests, self._seconds)
        if self._in_flight.requests:
            # Their clients are gone then, which the application knows how to end.
            for connection in list(self.server_state.connections):
                connection.transport.abort()
            # Now nothing is left that one could wait for, and the stores are closed in peace.
            self.force_exit = False


async def _last(server: uvicorn.Server, at_work: Callable[[], int], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    # The first pause reads connections that the kernel has accepted already.
    await asyncio.sleep(POLL_SECONDS)
    while at_work() and not server.force_exit and time.monotonic() < deadline:
        await asyncio.sleep(POLL_SECONDS)
