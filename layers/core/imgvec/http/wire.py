"""Connections of a server on a socket: where requests end, the close behind a rejected one, and
clients that leave.

Behind a gateway a request arrives whole, so this stands around the application in `imgvec serve`
only.
"""

import asyncio
from contextlib import suppress
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imgvec.api.boundary import ErrorResponse
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

    What is left of a body of a known length is thrown away, and the connection stays: to make a new
    one costs more than all else about a refusal. Once a body is whole, or an answer is under
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
