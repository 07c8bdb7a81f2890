"""What is in the house, as the event loop counts it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from imgvec.errors import Overloaded


@dataclass(slots=True)
class Traffic:
    """Requests of the dialects, from their head to their answer."""

    most_bytes: int
    """What bodies, and images from elsewhere, may hold together."""
    requests: int = 0
    bytes: int = 0
    draining: bool = False
    """Whether the process is asked to stop: what has come is answered, what comes is refused."""
    _fetched: int = 0
    """How many of the bytes came from elsewhere."""
    _next: asyncio.Lock = field(default_factory=asyncio.Lock)
    _less: asyncio.Event = field(default_factory=asyncio.Event)

    def crowded(self, own: int) -> bool:
        """Whether one request with bytes of its `own` meets others, and all hold too much."""
        return 0 < own < self.bytes > self.most_bytes

    @asynccontextmanager
    async def holding(self, size: int) -> AsyncIterator[None]:
        """Hold an image from elsewhere, as soon as others take less than half of the room.

        Those others wait for nothing but their turn to compute, so it comes to that.

        Raises:
            Overloaded: it is too much, with all bodies that are held already.
        """
        await self._wait_for_room(size)
        self._fetched += size
        self.bytes += size
        try:
            if self.crowded(size):
                raise Overloaded
            yield
        finally:
            self._fetched -= size
            self.bytes -= size
            self._less.set()

    async def _wait_for_room(self, size: int) -> None:
        # In order, so that no large image waits for ever behind small ones.
        async with self._next:
            while self._fetched and self._fetched + size > self.most_bytes // 2:
                self._less.clear()
                await self._less.wait()
