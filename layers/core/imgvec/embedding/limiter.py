"""Limits on work: permits in turn by consumer, a line bounded by its wait, bytes in flight."""

import asyncio
import math
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Final

from imgvec.embedding.fair import FairQueue
from imgvec.errors import Overloaded
from imgvec.request_log import stage

SMOOTHING: Final = 0.03
"""Weight of the newest measurement in the moving average behind the estimated wait."""
UNMEASURED_SECONDS: Final = 0.05
"""Assumed duration of a part until one is measured."""


class Limiter:
    """Permits for work, granted in turn by consumer, on one event loop."""

    def __init__(self, permits: int) -> None:
        """All permits are free."""
        self._free = permits
        self._waiting: FairQueue[asyncio.Future[None]] = FairQueue()

    @asynccontextmanager
    async def permit(self, consumer: str) -> AsyncIterator[None]:
        """Wait for a permit and hold it."""
        await self._acquire(consumer)
        try:
            yield
        finally:
            self._release()

    async def _acquire(self, consumer: str) -> None:
        if self._free:
            self._free -= 1
            return
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.push(consumer, granted)
        try:
            with stage("wait"):
                await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                self._release()
            raise

    def _release(self) -> None:
        while self._waiting:
            granted = self._waiting.pop()
            if not granted.done():
                granted.set_result(None)
                return
        self._free += 1


class Line:
    """Admits requests while the estimated wait is short.

    `place` belongs to one event loop; `measured` may be called from any thread.
    """

    def __init__(self, workers: int, longest: float) -> None:
        """`workers` parts are computed at once; `longest` is the longest wait in seconds."""
        self._workers = workers
        self._longest = longest
        self._parts = 0
        self._assumed = UNMEASURED_SECONDS
        self._seconds: dict[str, float] = {}

    @property
    def parts(self) -> int:
        """Parts of the requests that have a place, those at work included."""
        return self._parts

    @property
    def wait(self) -> float:
        """Estimated seconds until one more request would start."""
        seconds = sum(self._seconds.values()) or self._assumed
        return max(0, self._parts - self._workers) * seconds / self._workers

    def rejection(self) -> Overloaded | None:
        """The error for one more request if it would wait too long, else None."""
        wait = self.wait
        return None if wait < self._longest else Overloaded(retry_after=max(1, math.ceil(wait)))

    @contextmanager
    def place(self, parts: int) -> Iterator[None]:
        """Count the parts of a request as queued until the block ends.

        Raises:
            Overloaded: the wait would be too long.
        """
        rejection = self.rejection()
        if rejection is not None:
            raise rejection
        self._parts += parts
        try:
            yield
        finally:
            self._parts -= parts

    def expect(self, seconds: float) -> None:
        """Assume that a part takes at least this long, until parts are measured."""
        self._assumed = max(self._assumed, seconds)

    def measured(self, stage: str, seconds: float) -> None:
        """Add a measurement: the seconds that one part took in a stage."""
        known = self._seconds.get(stage, seconds)
        self._seconds[stage] = known + SMOOTHING * (seconds - known)


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
