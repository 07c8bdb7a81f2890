"""How a connection closes behind a request that was not read to its end.

A server that answers and closes at once resets the connection, and a client that is still sending
never sees the answer. One that answers and reads on takes an endless body endlessly, and pays for
parsing what nobody wants. So the answer ends the stream to the client, and what still comes is
thrown away as it leaves the socket, for some seconds. Nothing of it is a request any more.
"""

import asyncio
from collections.abc import Callable
from typing import Final

LINGER_SECONDS: Final = 5.0
"""How long the rest of a refused request is thrown away before the connection closes."""
TAKE_SECONDS: Final = 60.0
"""From the end of a connection until the client has taken what was sent before."""
_WASTE: Final = bytearray(1 << 18)
"""Where what is thrown away goes, of all connections; nobody reads it."""


class LingeringTransport(asyncio.Transport):
    """A connection's transport; `close` leaves a client that is still sending time to see why."""

    def __init__(
        self, transport: asyncio.Transport, protocol: asyncio.Protocol, unread: Callable[[], bool]
    ) -> None:
        """`unread` says whether something of a request is still to come to `protocol`."""
        super().__init__()
        self._transport = transport
        self._protocol = protocol
        self._unread = unread
        self._lingers = False

    def close(self) -> None:
        """Send what is buffered and close; throw away first what the client is still sending."""
        if self._lingers:
            return
        if self.is_closing() or not self._unread():
            self._transport.close()
            return
        self._lingers = True
        self._transport.write_eof()
        self._transport.set_protocol(_Waste(self._transport, self._protocol))
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
    """Takes what is to be thrown away, until its sender ends it or the time is over."""

    def __init__(self, transport: asyncio.Transport, protocol: asyncio.Protocol) -> None:
        self._transport = transport
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.call_later(LINGER_SECONDS, self._close)

    def get_buffer(self, sizehint: int) -> bytearray:
        return _WASTE

    def connection_lost(self, exc: Exception | None) -> None:
        self._end.cancel()
        self._protocol.connection_lost(exc)

    def _close(self) -> None:
        self._transport.close()
        self._end = self._loop.call_later(TAKE_SECONDS, self._transport.abort)
