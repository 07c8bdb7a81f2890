"""Responses on their way out: files in pieces, and compression."""

from collections.abc import Awaitable, Callable, Mapping
from typing import BinaryIO, Final

from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

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
        self._size = size
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
            left = self._size
            while left > 0 and (piece := await self._read(self._file.read, PIECE)):
                left -= len(piece)
                # A client has the whole file with its last byte, and may send its next request.
                await send({"type": "http.response.body", "body": piece, "more_body": left > 0})
            if left == self._size:
                await send({"type": "http.response.body", "body": b""})


COMPRESS_BYTES: Final = 1024
"""Shorter responses are not compressed; the REST API of template.yaml has the same bound."""
COMPRESS_LEVEL: Final = 5
"""Higher levels hardly shrink digits further; this one takes 0.1 ms for 512 values."""
FILES: Final = ("application/octet-stream", "audio/*", "image/*", "text/*", "video/*")


def compressed(app: ASGIApp) -> ASGIApp:
    """Compress long responses where the client accepts it; downloads of assets stay as they are."""
    return GZipMiddleware(
        app,
        minimum_size=COMPRESS_BYTES,
        compresslevel=COMPRESS_LEVEL,
        exclude_content_types=FILES,
    )
