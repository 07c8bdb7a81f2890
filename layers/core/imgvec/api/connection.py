"""Clients on a socket: work for one that leaves is cancelled, and unread bodies are discarded.

Behind a gateway a request arrives whole, so this middleware is in `imgvec serve` only.
"""

import asyncio
from contextlib import suppress
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imgvec.api.boundary import ErrorResponse
from imgvec.errors import BadParameter

MOST_UNREAD: Final = 2_000_000
"""Bytes of a body that are discarded to keep a connection; behind a longer one it is closed."""
FORM_BYTES: Final = 1_000_000
"""What a form may have around a file of the largest size."""
DISCARD_SECONDS: Final = 5.0
"""How long a client may go on sending after its answer."""


class Connection:
    """ASGI middleware; `error_response` has the envelope of the dialect that owns the path."""

    def __init__(self, app: ASGIApp, max_body: int, error_response: ErrorResponse) -> None:
        """Wrap `app`, which reads bodies up to `max_body` bytes."""
        self._app = app
        self._error_response = error_response
        self._most = max_body + FORM_BYTES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, then discard what the application left of its body.

        Where the client hangs up before its answer, what is done for it is cancelled.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(None) as presence:
                headers = Headers(scope=scope)
                exchange = _Exchange(headers, receive, send, presence)
                app = self._app
                if "transfer-encoding" in headers and "content-length" in headers:
                    # A proxy before us may believe the other one (RFC 9112, section 6.3).
                    app = self._error_response(scope, BadParameter("The request has two lengths"))
                try:
                    await app(scope, exchange.receive, exchange.send)
                finally:
                    exchange.end_watch()
                await exchange.finish(self._most)


class _Exchange:
    """One request and its answer.

    A server that closes on a client that is still sending resets the connection, and the client
    never sees the answer. So the answer is sent, then the rest of the body is read, and only then
    does the server hear that the answer is complete. Once a body is whole, or an answer is under
    way, nobody else listens to the client: if it leaves, its `presence` ends here.
    """

    def __init__(
        self, headers: Headers, receive: Receive, send: Send, presence: asyncio.Timeout
    ) -> None:
        length = headers.get("content-length", "0")
        chunked = "transfer-encoding" in headers
        # A client that asked first whether to send the body may send another request instead.
        self._last = chunked or "expect" in headers or int(length) > MOST_UNREAD
        self._whole = length == "0" and not chunked
        self._receive = receive
        self._send = send
        self._presence = presence
        self._answered = False
        self._watch: asyncio.Task[None] | None = None

    async def receive(self) -> Message:
        message = await self._take()
        if message["type"] == "http.request" and self._whole:
            self._begin_to_watch()
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self._last and not self._whole:
                MutableHeaders(scope=message)["Connection"] = "close"
        elif message.get("more_body"):
            self._begin_to_watch()
        else:
            self._answered = True
            message = {**message, "more_body": not self._whole}
        await self._send(message)

    async def finish(self, most: int) -> None:
        """Discard the rest of the body, up to `most` bytes; then the answer is complete."""
        if self._whole or not self._answered:
            return
        # The server closes the connection of an answer that it never hears the end of.
        if await self._discarded(most):
            await self._send({"type": "http.response.body", "body": b""})

    async def _discarded(self, most: int) -> bool:
        """Whether the body has come to its end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(DISCARD_SECONDS):
                while most > 0:
                    message = await self._receive()
                    if not message.get("more_body"):
                        return True
                    most -= len(message["body"])
        return False

    def end_watch(self) -> None:
        """Watch no longer."""
        if self._watch is not None:
            self._watch.cancel()

    async def _take(self) -> Message:
        message = await self._receive()
        self._whole = not message.get("more_body")
        return message

    def _begin_to_watch(self) -> None:
        if self._watch is None:
            self._watch = asyncio.create_task(self._until_it_leaves())

    async def _until_it_leaves(self) -> None:
        while (await self._take())["type"] != "http.disconnect":
            pass
        if not self._answered:
            self._presence.reschedule(0)
