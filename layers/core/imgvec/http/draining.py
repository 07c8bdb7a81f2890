"""The server under uvicorn, which answers what it has accepted before it stops."""

import asyncio
import time

import uvicorn

from imgvec.flow.traffic import Traffic

POLL_SECONDS = 0.05


class DrainingServer(uvicorn.Server):
    """Asked to stop, it refuses new requests and goes on listening until the last is answered.

    So whoever watches `/ready` sees 503 in the meantime, where uvicorn alone would close the
    listener at once. A second Ctrl-C does not wait.
    """

    def __init__(self, config: uvicorn.Config, traffic: Traffic, seconds: float) -> None:
        """What has not ended after `seconds` is broken off."""
        super().__init__(config)
        self._traffic = traffic
        self._seconds = seconds

    async def main_loop(self) -> None:
        """Serve until a signal comes, then drain."""
        await super().main_loop()
        self._traffic.draining = True
        deadline = time.monotonic() + self._seconds
        while self._traffic.requests and not self.force_exit and time.monotonic() < deadline:
            await asyncio.sleep(POLL_SECONDS)
        if self._traffic.requests:
            # Their clients are gone then, which the application knows how to end.
            for connection in list(self.server_state.connections):
                connection.transport.abort()
            # Now nothing is left that one could wait for, and the stores are closed in peace.
            self.force_exit = False
