"""How long the server waits for clients, and how much it takes from them that nobody reads.

Uvicorn waits without end for a request's head, and for an answer to be taken. (A body has
`IMGVEC_BODY_TIMEOUT`.) And it parses all that comes, of refused requests as well.
"""

import asyncio
from typing import Final, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from imgvec.http.counted import CountedConnection
from imgvec.http.lingering import TAKE_SECONDS, LingeringTransport

HEAD_SECONDS: Final = 10.0
"""From the first byte of a connection or of a further request to the end of its head."""
MOST_HEAD: Final = 1 << 16
"""Bytes of a head, however many pieces it comes in."""
_HEAD: Final = memoryview(bytearray(1 << 14))
"""Where a piece of a head arrives, for all connections of the process's one loop. It is small: what
comes of a body along with its head is parsed in vain where the head is refused."""
_BODY: Final = memoryview(bytearray(1 << 18))
"""Where a piece of a body arrives."""


class PatientProtocol(H11Protocol, asyncio.BufferedProtocol):
    """HTTP/1.1 on one connection, with an end to its patience.

    Of a refused body it parses what came with the head. The rest is counted off where the
    connection stays, else thrown away until the client has ended too.
    """

    conn: CountedConnection
    transport: LingeringTransport
    _patience: asyncio.TimerHandle | None = None
    _taking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first head."""
        # A listener's connections have no other kind.
        plain = cast(asyncio.Transport, transport)
        super().connection_made(LingeringTransport(plain, self, self._unread))
        self._begin()
        self._expect()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next piece is to arrive."""
        return _HEAD if self._idle() else _BODY

    def buffer_updated(self, nbytes: int) -> None:
        """Take a piece of a head or of a body."""
        super().data_received(bytes(self.get_buffer(-1)[:nbytes]))
        if self._idle():
            self._expect()
        else:
            self._forget()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._forget()
        self._taken()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Hold an answer back, and give the client time to take what was sent of it."""
        super().pause_writing()
        self._taking = self.loop.call_later(TAKE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on with an answer."""
        self._taken()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, in the end even if the client does not take its answer."""
        super().timeout_keep_alive_handler()
        self.loop.call_later(TAKE_SECONDS, self.transport.abort)

    def on_response_complete(self) -> None:
        """Go on with what was sent next, or throw away first what nobody has read of a body."""
        super().on_response_complete()
        if not self.transport.is_closing() and self.conn.their_state is h11.SEND_BODY:
            self.transport.throw_away(self.conn.rest(), self._begin)

    def _idle(self) -> bool:
        """Whether a head is to come."""
        return self.cycle is None or self.cycle.response_complete

    def _begin(self) -> None:
        self.conn = CountedConnection(h11.SERVER, MOST_HEAD)

    def _unread(self) -> bool:
        """Whether the client is in the middle of a request, or of what is none."""
        return self.conn.their_state in (h11.SEND_BODY, h11.ERROR)

    def _expect(self) -> None:
        """Give the client time for a head, unless it has been given already."""
        if self._patience is None:
            self._patience = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _taken(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def _forget(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
