"""A server on a socket: where requests end, clients that leave, and a stop that loses no request.

Behind a gateway a request arrives whole, so the middleware stands around the application in
`imgvec serve` only. Uvicorn alone closes its listener at once, on clients that have connected and
were not read yet; the servers here answer the requests that they have accepted before they stop.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import uvicorn
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imgvec.api.boundary import ErrorResponse
from imgvec.embedding.limiter import InFlight
from imgvec.errors import BadParameter

MOST_UNREAD: Final = 2_000_000
"""Bytes of a body that are thrown away to keep a connection; of a longer one the client is told."""


class Wire:
    """ASGI middleware; `error_response` has the envelope of the dialect that owns the path."""

    def __init__(self, app: ASGIApp, error_response: ErrorResponse) -> None:
        """Stand around `app`."""
        self._app = app
        self._error_response = error_response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and close the connection behind one that was not read to its end.

        Where the client hangs up before its answer, what is done for it is cancelled.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        with suppress(TimeoutError):
            async with asyncio.timeout(None) as presence:
                rest = _Rest(receive, send, presence, last=_ends_in_doubt(headers))
                try:
                    if "transfer-encoding" in headers and "content-length" in headers:
                        # A proxy before us may believe the other one (RFC 9112, section 6.3).
                        problem = BadParameter("The request has two lengths")
                        answer = self._error_response(scope, problem)
                        await answer(scope, rest.receive, rest.send)
                    else:
                        await self._app(scope, rest.receive, rest.send)
                finally:
                    rest.end()


class _Rest:
    """One request's channels, and whether its connection must close behind it.

    It throws the rest of a body of a known length away and keeps the connection: to make a new one
    costs more than all else about a refusal. Once a body is whole, or an answer is under
    way, nobody else listens to the client: if it leaves, its `presence` ends here.
    """

    def __init__(
        self, receive: Receive, send: Send, presence: asyncio.Timeout, *, last: bool
    ) -> None:
        self._receive = receive
        self._send = send
        self._presence = presence
        self._last = last
        self._answered = False
        self._watch: asyncio.Task[None] | None = None

    async def receive(self) -> Message:
        message = await self._receive()
        # An answer before the end of the body closes the connection.
        self._last = bool(message.get("more_body"))
        if message["type"] == "http.request" and not self._last:
            self._begin_to_watch()
        return message

    async def send(self, message: Message) -> None:
        if self._last and message["type"] == "http.response.start":
            MutableHeaders(scope=message)["Connection"] = "close"
        if message["type"] == "http.response.body":
            self._answered = not message.get("more_body")
            if not self._answered:
                self._begin_to_watch()
        await self._send(message)

    def end(self) -> None:
        """Watch no longer."""
        if self._watch is not None:
            self._watch.cancel()

    def _begin_to_watch(self) -> None:
        if self._watch is None:
            self._watch = asyncio.create_task(self._until_it_leaves())

    async def _until_it_leaves(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if not self._answered:
            self._presence.reschedule(0)


def _ends_in_doubt(headers: Headers) -> bool:
    """Whether the end of the body is unknown or too far away for the connection to be reused.

    A client that asked first whether to send the body may now send another request instead.
    """
    length = headers.get("content-length", "0")
    return "transfer-encoding" in headers or (
        length != "0" and ("expect" in headers or int(length) > MOST_UNREAD)
    )


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
