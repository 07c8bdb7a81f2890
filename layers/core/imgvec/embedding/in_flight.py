"""Counts requests and bytes in flight, on the event loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from imgvec.errors import Overloaded


@dataclass(slots=True)
class InFlight:
    """Requests of the dialects, from headers to response, and the bytes that they hold."""

    most_bytes: int
    """Limit for the bytes of bodies and of images that were read for requests."""
    requests: int = 0
    bytes: int = 0
    draining: bool = False
    """Whether the process is stopping: it finishes requests in flight and rejects new ones."""
    _read: int = 0
    """The part of `bytes` that are fetched images and assets."""
    _next: asyncio.Lock = field(default_factory=asyncio.Lock)
    _less: asyncio.Event = field(default_factory=asyncio.Event)

    def crowded(self, own: int) -> bool:
        """Whether a request of `own` bytes and at least one other exceed the limit together."""
        return 0 < own < self.bytes > self.most_bytes

    @asynccontextmanager
    async def holding(self, size: int) -> AsyncIterator[None]:
        """Count an image that was read for a request, once there is room in half of the limit.

        The images before it wait only for a permit to decode, so the wait ends.

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
        # First come, first served: small images must not overtake a large one for ever.
        async with self._next:
            while self._read and self._read + size > self.most_bytes // 2:
                self._less.clear()
                await self._less.wait()
