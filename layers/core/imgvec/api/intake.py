"""Bounds request bodies in size, number and time before they are parsed.

A request that cannot be served is rejected before its body is read: a rejection must be cheap, or
rejections alone would load the machine. A body is read on the event loop, so a slow client holds no
thread and no place in the queue, only the bytes that it has sent, and these for a limited time.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imgvec.api.boundary import ErrorResponse, own_path
from imgvec.embedding.limiter import InFlight
from imgvec.errors import BadParameter, NotReady, Overloaded, RequestError

STOPPING: Final = "The service is stopping, try again shortly"
TOO_SLOW: Final = "The body did not arrive in time"


@dataclass(frozen=True, slots=True)
class Paths:
    """The paths that have limits."""

    owned: Callable[[Scope], bool]
    """Whether a dialect owns the path of a scope."""
    computing: frozenset[tuple[str, str]]
    """Method and path of the routes that embed, whose requests wait in the queue."""


class BodyRefused(Exception):
    """Ends the reading of a body in the handler that reads it; it is never parsed."""

    def __init__(self, error: RequestError) -> None:
        """`error` becomes the error response."""
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
        """Wrap `app`; `rejection` is called before the body of a request is read."""
        self._app = app
        self._in_flight = in_flight
        self._body_seconds = body_seconds
        self._rejection = rejection
        self._paths = paths
        self._error_response = error_response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with its body counted and timed, or reject it."""
        if scope["type"] != "http" or not self._paths.owned(scope):
            await self._app(scope, receive, send)
            return
        error = self._rejected_unread(scope["method"], own_path(scope))
        if error is None:
            error = await self._pass_on(scope, receive, send)
        if error is not None:
            await self._error_response(scope, error)(scope, receive, send)

    def _rejected_unread(self, method: str, path: str) -> RequestError | None:
        if self._in_flight.draining:
            return NotReady(STOPPING)
        return self._rejection() if (method, path) in self._paths.computing else None

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> RequestError | None:
        """The error that ended the reading of the body, if one did."""
        in_flight = self._in_flight
        body = _Body(receive, in_flight, self._body_seconds)
        in_flight.requests += 1
        try:
            await self._app(scope, body.receive, send)
        except BodyRefused as rejected:
            return rejected.error
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
        # This limit applies to several bodies together; a single one has `IMGVEC_MAX_BODY`.
        if self._in_flight.crowded(self.size):
            raise BodyRefused(Overloaded())
