"""HTTP/1.1 on one connection: read timeouts, and unread request bodies that are discarded.

Uvicorn waits without end for a request's head, and for an answer to be taken. (A body has
`IMGVEC_BODY_TIMEOUT`.) And it parses all that comes, of rejected requests as well.

A server that answers early and closes at once resets the connection, and a client that is still
sending never sees the answer. One that answers and reads on takes an endless body endlessly, and
pays for parsing it. So the unread rest of a body is discarded as it leaves the socket (lingering
close), and not parsed.
"""

import asyncio
from collections.abc import Callable
from typing import Final, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class CountedConnection(h11.Connection):
    """One side of a connection."""

    _request: h11.Request
    _taken = 0

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """The next event of the bytes that were received."""
        event = super().next_event()
        if isinstance(event, h11.Data):
            self._taken += len(event.data)
        elif isinstance(event, h11.Request):
            self._request, self._taken = event, 0
        return event

    def rest(self) -> int:
        """Bytes of the present body that are still to come, if its head has announced a length."""
        return int(dict(self._request.headers)[b"content-length"]) - self._taken


LINGER_SECONDS: Final = 5.0
"""How long a client may go on sending after its connection has been ended."""
TAKE_SECONDS: Final = 60.0
"""Until the client has taken what is buffered for it: of an answer that is under way, and from the
end of a connection on."""
_WASTE: Final = memoryview(bytearray(1 << 18))
"""Where it goes, from all connections; nobody looks at it."""


class LingeringTransport(asyncio.Transport):
    """A connection's transport; `close` leaves a client that is still sending time to see why."""

    def __init__(
        self, transport: asyncio.Transport, protocol: asyncio.Protocol, unread: Callable[[], bool]
    ) -> None:
        """`unread` says whether `protocol` is in the middle of a request."""
        super().__init__()
        self._transport = transport
        self._protocol = protocol
        self._unread = unread
        self._lingers = False

    def throw_away(self, size: int, then: Callable[[], None]) -> None:
        """Take exactly `size` bytes from the client, and nothing of what follows; call `then`."""
        self._transport.set_protocol(_Rest(self._transport, self._protocol, size, then))

    def close(self) -> None:
        """Send what is buffered, and close once the client has ended too, or its time is over."""
        if self._lingers:
            return
        if self.is_closing() or not self._unread():
            self._transport.close()
            return
        self._lingers = True
        self._transport.write_eof()
        self._transport.set_protocol(_UntilItsEnd(self._transport, self._protocol))
        self._transport.resume_reading()

    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""
        return self._lingers or self._transport.is_closing()

    def abort(self) -> None:
        """Close at once; what is buffered is lost."""
        self._transport.abort()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send, or buffer, some bytes."""
        self._transport.write(data)

    def pause_reading(self) -> None:
        """Let the client wait."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Take again what comes."""
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: object = None) -> object:
        """The socket's properties, as of any transport."""
        return self._transport.get_extra_info(name, default)


class _Waste(asyncio.BufferedProtocol):
    """Stands in for a protocol, which still hears of everything but the bytes that come."""

    def __init__(self, transport: asyncio.Transport, protocol: asyncio.Protocol) -> None:
        self._transport = transport
        self._protocol = protocol

    def get_buffer(self, sizehint: int) -> memoryview:
        return _WASTE

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.connection_lost(exc)


class _Rest(_Waste):
    """So many bytes; what comes next is for the protocol again."""

    def __init__(
        self,
        transport: asyncio.Transport,
        protocol: asyncio.Protocol,
        size: int,
        then: Callable[[], None],
    ) -> None:
        super().__init__(transport, protocol)
        self._size = size
        self._then = then

    def get_buffer(self, sizehint: int) -> memoryview:
        return _WASTE[: self._size]

    def buffer_updated(self, nbytes: int) -> None:
        self._size -= nbytes
        if not self._size:
            self._transport.set_protocol(self._protocol)
            self._then()


class _UntilItsEnd(_Waste):
    """All that comes, until the client has ended or its time is over."""

    def __init__(self, transport: asyncio.Transport, protocol: asyncio.Protocol) -> None:
        super().__init__(transport, protocol)
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.call_later(LINGER_SECONDS, self._close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end.cancel()
        super().connection_lost(exc)

    def _close(self) -> None:
        self._transport.close()
        self._end = self._loop.call_later(TAKE_SECONDS, self._transport.abort)


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
        """Go on with the next request, or first throw away the unread rest of this one's body."""
        # Asked before: afterwards the connection may be in the body of the next request.
        unread = self.conn.their_state is h11.SEND_BODY
        super().on_response_complete()
        if unread and not self.transport.is_closing():
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
