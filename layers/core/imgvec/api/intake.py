"""Judges keys in the head, and bounds request bodies in size, number and time before parsing.

A request that cannot be served is rejected before its body is read: a rejection must be cheap, or
rejections alone would load the machine. A body is read on the event loop, so a slow client holds no
thread and no place in the queue, only the bytes that it has sent, and these for a limited time.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from fastapi.routing import APIRoute
from starlette.datastructures import Headers, QueryParams
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imgvec.api.boundary import own_path
from imgvec.api.mounts import Dialect, Mounts
from imgvec.embedding.in_flight import Body, InFlight
from imgvec.errors import BadParameter, NotReady, Overloaded, RequestError
from imgvec.services import Services

STOPPING: Final = "The service is stopping, try again shortly"
TOO_LATE: Final = "The body did not arrive in time"
TOO_SLOW: Final = "The body arrived too slowly: send 50 kB a second, or less of it"
FREE_SECONDS: Final = 5.0
"""How long a body may arrive at any rate."""
LEAST_RATE: Final = 50_000
"""Bytes a second that a body keeps on average after that."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A route without parameters in its path."""

    route: APIRoute
    computes: bool
    """Whether its requests wait in the queue."""


class BodyRefused(Exception):
    """Ends the reading of a body in the handler that reads it; it is never parsed."""

    def __init__(self, error: RequestError) -> None:
        """`error` becomes the error response."""
        super().__init__(error.message)
        self.error = error


class Intake:
    """ASGI middleware for the requests of the dialects."""

    def __init__(
        self,
        app: ASGIApp,
        services: Services,
        mounts: Mounts,
        entries: Mapping[tuple[str, str], Entry],
        rejection: Callable[[], Overloaded | None],
    ) -> None:
        """Wrap `app`; `entries` are by method and path.

        `rejection` is called before the body of a request that computes is read.
        """
        self._app = app
        self._services = services
        self._mounts = mounts
        self._entries = entries
        self._rejection = rejection

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with its body counted and timed, or reject it."""
        dialect = self._mounts.find(scope) if scope["type"] == "http" else None
        if dialect is None:
            await self._app(scope, receive, send)
            return
        entry = self._entries.get((scope["method"], own_path(scope)))
        error = self._rejected_unread(entry)
        if error is None:
            error = await self._pass_on(dialect, entry, scope, receive, send)
        if error is not None:
            if entry is not None:
                # For the log: the framework sets it as soon as it looks for the route.
                scope.setdefault("route", entry.route)
            await dialect.error_response(error, scope)(scope, receive, send)

    def _rejected_unread(self, entry: Entry | None) -> RequestError | None:
        if self._services.in_flight.draining:
            return NotReady(STOPPING)
        return self._rejection() if entry is not None and entry.computes else None

    async def _pass_on(
        self, dialect: Dialect, entry: Entry | None, scope: Scope, receive: Receive, send: Send
    ) -> RequestError | None:
        """The error that ended the request before its body was read whole, if one did."""
        in_flight = self._services.in_flight
        reading = _Reading(receive, in_flight, self._services.settings.body_timeout)
        with in_flight.request(reading.end) as reading.body:
            try:
                if entry is not None:
                    await self._judge_head(dialect, scope)
            except RequestError as error:
                return error
            try:
                await self._app(scope, reading.receive, send)
            except BodyRefused as rejected:
                return rejected.error
        return None

    async def _judge_head(self, dialect: Dialect, scope: Scope) -> None:
        """Authenticate a request whose body is still to come by the keys in its head, if any."""
        headers = Headers(scope=scope)
        if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
            return
        query = QueryParams(scope["query_string"]).multi_items()
        keys = dialect.head.keys(headers.items(), query)
        if keys:
            await self._services.authenticate(keys)


class _Reading:
    """Reads one request's body: counted until the request has ended, timed until it is whole."""

    body: Body

    def __init__(self, receive: Receive, in_flight: InFlight, seconds: float) -> None:
        self._receive = receive
        self._in_flight = in_flight
        self._seconds = seconds
        self._began: float | None = None
        self._wait: asyncio.Timeout | None = None
        self._whole = False
        self._ended = False

    async def receive(self) -> Message:
        """The next message; raises `BodyRefused` where the body must not be read to its end."""
        if self._whole:
            return await self._receive()
        if self._ended:
            raise BodyRefused(Overloaded())
        slowest = FREE_SECONDS + self.body.size / LEAST_RATE
        try:
            async with asyncio.timeout(self._left(slowest)) as self._wait:
                message = await self._receive()
        except TimeoutError:
            raise BodyRefused(self._problem(slowest)) from None
        finally:
            self._wait = None
        self._whole = not message.get("more_body", False)
        try:
            self._in_flight.arrived(self.body, len(message.get("body", b"")), whole=self._whole)
        except RequestError as error:
            raise BodyRefused(error) from None
        return message

    def end(self) -> None:
        """Read no more of it: its bytes are needed for others."""
        self._ended = True
        if self._wait is not None and not self._wait.expired():
            # The past: its task is woken at once.
            self._wait.reschedule(0)

    def _left(self, slowest: float) -> float:
        """Seconds until the next bytes have to be there."""
        now = asyncio.get_running_loop().time()
        if self._began is None:
            self._began = now
        return self._began + min(self._seconds, slowest) - now

    def _problem(self, slowest: float) -> RequestError:
        if self._ended:
            return Overloaded()
        return BadParameter(TOO_SLOW if slowest < self._seconds else TOO_LATE)
