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
"""Length of a body that the server discards to keep a connection; behind a longer one it closes."""
FORM_BYTES: Final = 1_000_000
"""Bytes of a form around a file of the largest size."""
DISCARD_SECONDS: Final = 5.0
"""How long a client may go on sending after an answer that closes the connection."""


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

    The server discards the unread rest of a body and keeps the connection. Where the rest could be
    long or slow, the connection must close; but a server that closes on a client that is still
    sending resets the connection, and the client never sees the answer. So the answer is sent, then
    the rest is read for a while, and only then does the server hear that the answer is complete.

    Once a body is whole, or an answer is under way, nobody else listens to the client: if it
    leaves, its `presence` ends here.
    """

    def __init__(
        self, headers: Headers, receive: Receive, send: Send, presence: asyncio.Timeout
    ) -> None:
        length = headers.get("content-length", "0")
        chunked = "transfer-encoding" in headers
        # A client that asked first whether to send the body may send another request instead.
        self._last = chunked or (
            length != "0" and ("expect" in headers or int(length) > MOST_UNREAD)
        )
        self._whole = False
        self._receive = receive
        self._send = send
        self._presence = presence
        self._answered = False
        self._held_back = False
        self._watch: asyncio.Task[None] | None = None

    async def receive(self) -> Message:
        message = await self._take()
        # An answer before the end of a body that is being read closes the connection.
        self._last = not self._whole
        if message["type"] == "http.request" and self._whole:
            self._begin_to_watch()
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self._last:
                MutableHeaders(scope=message)["Connection"] = "close"
        elif message.get("more_body"):
            self._begin_to_watch()
        else:
            self._answered = True
            self._held_back = self._last and not self._whole
            message = {**message, "more_body": self._held_back}
        await self._send(message)

    async def finish(self, most: int) -> None:
        """Discard the rest of the body, up to `most` bytes, where the answer waits for that."""
        if not self._held_back:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(DISCARD_SECONDS):
                more = True
                while more and most > 0:
                    message = await self._receive()
                    more = message.get("more_body", False)
                    most -= len(message.get("body", b""))
        await self._send({"type": "http.response.body", "body": b""})

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
