"""Requests and bytes in flight, as the event loop counts them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from imgvec.errors import Overloaded


@dataclass(slots=True)
class InFlight:
    """Requests of the dialects, from their head to their answer, and the bytes that they hold."""

    most_bytes: int
    """Limit of the bytes of bodies and of images that were read for requests."""
    requests: int = 0
    bytes: int = 0
    draining: bool = False
    """Whether the process is to stop: it answers the requests in flight and rejects new ones."""
    _read: int = 0
    """The part of `bytes` that was read for requests."""
    _next: asyncio.Lock = field(default_factory=asyncio.Lock)
    _less: asyncio.Event = field(default_factory=asyncio.Event)

    def crowded(self, own: int) -> bool:
        """Whether a request with `own` bytes meets others, and all exceed the limit."""
        return 0 < own < self.bytes > self.most_bytes

    @asynccontextmanager
    async def holding(self, size: int) -> AsyncIterator[None]:
        """Hold an image that was read for a request, once others hold less than half of the limit.

        Those wait for nothing but a permit to decode, so this one comes to its turn.

        Raises:
            Overloaded: it exceeds the limit together with the bodies in flight.
        """
        await self._wait_for_room(size)
        self._read += size
        self.bytes += size
        try:
            if self.crowded(size):
                raise Overloaded
            yield
        finally:
            self._read -= size
            self.bytes -= size
            self._less.set()

    async def _wait_for_room(self, size: int) -> None:
        # In order, so that small images do not overtake a large one for ever.
        async with self._next:
            while self._read and self._read + size > self.most_bytes // 2:
                self._less.clear()
                await self._less.wait()
