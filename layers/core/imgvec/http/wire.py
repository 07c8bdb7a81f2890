"""What only a server on a socket must mind: where a request ends, and what follows a refused one.

Behind a gateway a request arrives whole, so this stands around the application in `imgvec serve`
only.
"""

from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imgvec.errors import BadParameter, RequestError
from imgvec.http.boundary import own_path


class Wire:
    """ASGI middleware; `refuse` puts an error into the words of a path's dialect."""

    def __init__(self, app: ASGIApp, refuse: Callable[[str, RequestError], Response]) -> None:
        """Stand around `app`."""
        self._app = app
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and close the connection behind one that was not read to its end."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        rest = _Rest(receive, send, unread=_has_body(headers))
        if "transfer-encoding" in headers and "content-length" in headers:
            # A proxy before us may believe the other one (RFC 9112, section 6.3).
            answer = self._refuse(own_path(scope), BadParameter("The request has two lengths"))
            await answer(scope, rest.receive, rest.send)
        else:
            await self._app(scope, rest.receive, rest.send)


class _Rest:
    """One request's channels, and whether some of its body is still to come."""

    def __init__(self, receive: Receive, send: Send, *, unread: bool) -> None:
        self._receive = receive
        self._send = send
        self._unread = unread

    async def receive(self) -> Message:
        message = await self._receive()
        self._unread = bool(message.get("more_body"))
        return message

    async def send(self, message: Message) -> None:
        if self._unread and message["type"] == "http.response.start":
            MutableHeaders(scope=message)["Connection"] = "close"
        await self._send(message)


def _has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
