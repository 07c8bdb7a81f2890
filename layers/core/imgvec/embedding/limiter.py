"""Limits on work: permits in turn by consumer, and a line bounded by its wait."""

import asyncio
import math
from collections.abc import AsyncIterator, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from typing import Final
from weakref import WeakValueDictionary

from imgvec.embedding.fair import FairQueue
from imgvec.errors import Overloaded
from imgvec.request_log import stage

SMOOTHING: Final = 0.03
"""Weight of the newest measurement in the moving average behind the estimated wait."""
UNMEASURED_SECONDS: Final = 0.05
"""Assumed duration of a part until one is measured."""


class Limiter:
    """Permits for work, granted in turn by consumer, on one event loop."""

    def __init__(self, permits: int, each: int | None = None) -> None:
        """All permits are free; one consumer holds at most `each` of them (None: all)."""
        self._free = permits
        self._each = each
        self._shares: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._waiting: FairQueue[asyncio.Future[None]] = FairQueue()

    @asynccontextmanager
    async def permit(self, consumer: str) -> AsyncIterator[None]:
        """Wait for a permit and hold it."""
        async with self._share_of(consumer):
            await self._acquire(consumer)
            try:
                yield
            finally:
                self._release()

    def _share_of(self, consumer: str) -> AbstractAsyncContextManager[None]:
        if self._each is None:
            return nullcontext()
        # Forgotten with the last request of its consumer.
        return self._shares.setdefault(consumer, asyncio.Semaphore(self._each))

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
