"""What comes in is held to bounds before anything of it is parsed.

A request that cannot be served is refused before its body is read: to be refused must cost little,
or refusals alone would fill the machine. A body is read on the event loop, so a slow client holds
no thread and no place in the queue, only the bytes that it has sent, and those for a limited time.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imgvec.api.boundary import ErrorResponse, own_path
from imgvec.embedding.in_flight import InFlight
from imgvec.errors import BadParameter, NotReady, Overloaded, RequestError

STOPPING: Final = "The service is stopping, try again shortly"
TOO_SLOW: Final = "The body did not arrive in time"


@dataclass(frozen=True, slots=True)
class Paths:
    """Which paths are held to bounds."""

    owned: Callable[[Scope], bool]
    """Whether a dialect answers a request."""
    computing: frozenset[tuple[str, str]]
    """Method and path of what waits for a turn to compute."""


class BodyRefused(Exception):
    """Ends the reading of a body, whoever reads it: what was read so far is not judged."""

    def __init__(self, error: RequestError) -> None:
        """`error` is the request's outcome."""
        super().__init__(error.message)
        self.error = error


class Intake:
    """ASGI middleware; `error_response` has the envelope of the dialect that owns the path."""

    def __init__(
        self,
        app: ASGIApp,
        in_flight: InFlight,
        body_seconds: float,
        rejection: Callable[[], Overloaded | None],
        paths: Paths,
        error_response: ErrorResponse,
    ) -> None:
        """Stand before `app`; `rejection` is asked before the body of a request is read."""
        self._app = app
        self._in_flight = in_flight
        self._body_seconds = body_seconds
        self._rejection = rejection
        self._paths = paths
        self._error_response = error_response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with its body counted and timed, or refuse it."""
        if scope["type"] != "http" or not self._paths.owned(scope):
            await self._app(scope, receive, send)
            return
        refusal = self._rejected_unread(scope["method"], own_path(scope))
        if refusal is None:
            refusal = await self._pass_on(scope, receive, send)
        if refusal is not None:
            await self._error_response(scope, refusal)(scope, receive, send)

    def _rejected_unread(self, method: str, path: str) -> RequestError | None:
        if self._in_flight.draining:
            return NotReady(STOPPING)
        return self._rejection() if (method, path) in self._paths.computing else None

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> RequestError | None:
        """Why the body was not read to its end, if it was not."""
        in_flight = self._in_flight
        body = _Body(receive, in_flight, self._body_seconds)
        in_flight.requests += 1
        try:
            await self._app(scope, body.receive, send)
        except BodyRefused as refused:
            return refused.error
        finally:
            in_flight.requests -= 1
            in_flight.bytes -= body.size
        return None


class _Body:
    """One request's body, counted until the request has ended, timed until it is whole."""

    def __init__(self, receive: Receive, in_flight: InFlight, seconds: float) -> None:
        self.size = 0
        self._receive = receive
        self._in_flight = in_flight
        self._deadline = asyncio.get_running_loop().time() + seconds
        self._whole = False

    async def receive(self) -> Message:
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise BodyRefused(BadParameter(TOO_SLOW)) from None
        self._whole = not message.get("more_body", False)
        self._count(len(message.get("body", b"")))
        return message

    def _count(self, size: int) -> None:
        self.size += size
        self._in_flight.bytes += size
        # A body that is alone passes: the limit of one body holds it.
        if self._in_flight.crowded(self.size):
            raise BodyRefused(Overloaded())
