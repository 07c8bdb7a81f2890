"""What only a server on a socket must mind: where a request ends, and what follows a refused one.

Behind a gateway a request arrives whole, so this stands around the application in `imgvec serve`
only.
"""

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
        """Pass a request on, and close the connection behind one that was not read to its end."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        rest = _Rest(receive, send, last=_ends_in_doubt(headers))
        if "transfer-encoding" in headers and "content-length" in headers:
            # A proxy before us may believe the other one (RFC 9112, section 6.3).
            answer = self._error_response(scope, BadParameter("The request has two lengths"))
            await answer(scope, rest.receive, rest.send)
        else:
            await self._app(scope, rest.receive, rest.send)


class _Rest:
    """One request's channels, and whether its connection must close behind it.

    What is left of a body of a known length is thrown away, and the connection stays: to make a new
    one costs more than all else about a refusal.
    """

    def __init__(self, receive: Receive, send: Send, *, last: bool) -> None:
        self._receive = receive
        self._send = send
        self._last = last

    async def receive(self) -> Message:
        message = await self._receive()
        # Who stops in the middle has seen enough of this client.
        self._last = bool(message.get("more_body"))
        return message

    async def send(self, message: Message) -> None:
        if self._last and message["type"] == "http.response.start":
            MutableHeaders(scope=message)["Connection"] = "close"
        await self._send(message)


def _ends_in_doubt(headers: Headers) -> bool:
    """Whether nobody can say, without reading it, where a body ends or whether it is worth it.

    Who asked first whether to send the body may now send another request in its place.
    """
    length = headers.get("content-length", "0")
    return "transfer-encoding" in headers or (
        length != "0" and ("expect" in headers or int(length) > MOST_UNREAD)
    )
