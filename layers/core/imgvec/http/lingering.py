"""What nobody reads of a request is thrown away as it leaves the socket, and not parsed.

A server that answers early and closes at once resets the connection, and a client that is still
sending never sees the answer. One that answers and reads on takes an endless body endlessly, and
pays for parsing what nobody wants.
"""

import asyncio
from collections.abc import Callable
from typing import Final

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
        """What is known of the socket."""
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
