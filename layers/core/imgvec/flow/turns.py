"""The bounded queue before the computation: waits are short, or there is none."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from imgvec.errors import Overloaded

SMOOTHING: Final = 0.1
"""Weight of the newest turn in the mean that `Retry-After` is made of."""


class Turns:
    """Lets `at_once` requests compute and `waiting` more wait, in the order they came.

    It counts for one event loop and needs no lock.
    """

    def __init__(self, at_once: int, waiting: int) -> None:
        """Nobody computes or waits yet."""
        self._at_once = at_once
        self._most = waiting
        self._waiting = 0
        self._free = asyncio.Semaphore(at_once)
        self._seconds = 0.0

    @property
    def busy(self) -> bool:
        """Whether one more would have to wait."""
        return self._free.locked()

    @property
    def full(self) -> bool:
        """Whether one more would be turned away."""
        return self._waiting >= self._most

    def refusal(self) -> Overloaded:
        """What one more is told: to come back when those who wait now have had their turns."""
        seconds = self._waiting * self._seconds / self._at_once
        return Overloaded(retry_after=max(1, math.ceil(seconds)))

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until it is this request's turn, and keep it.

        Raises:
            Overloaded: too many wait already.
        """
        if self.full:
            raise self.refusal()
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
        started = time.monotonic()
        try:
            yield
        finally:
            self._free.release()
            self._seconds += SMOOTHING * (time.monotonic() - started - self._seconds)
