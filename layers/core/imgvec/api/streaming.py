"""Streams files in chunks, as fast as the client reads them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import BinaryIO, Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

PIECE: Final = 1 << 18
"""Bytes of a chunk; a download holds at most two chunks in memory."""


class StreamedFile(Response):
    """A file of known length.

    The server's backpressure on `send` bounds the memory, and the server may cancel when the client
    disconnects. Starlette's own responses would read the request's body meanwhile.
    """

    def __init__(
        self,
        file: BinaryIO,
        size: int,
        read: Callable[[Callable[[int], bytes], int], Awaitable[bytes]],
        headers: Mapping[str, str],
    ) -> None:
        """`read` runs a blocking call in a thread; `file` is closed at the end."""
        super().__init__(headers={**headers, "Content-Length": str(size)})
        self._file = file
        self._read = read

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        with self._file:
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            while piece := await self._read(self._file.read, PIECE):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
