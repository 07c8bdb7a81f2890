"""The line before work that few requests can do at once, bounded by its estimated wait."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from imgvec.errors import Overloaded

SMOOTHING: Final = 0.03
"""Weight of the newest turn in the mean that waits are estimated from."""
UNMEASURED_SECONDS: Final = 0.1
"""What a turn is taken to last until one was measured."""


class Turns:
    """Lets `at_once` requests work, in the order they came, and others wait.

    A request is judged once, when it takes its place: as many wait as are expected to have their
    turn within `longest` seconds. It counts for one event loop and needs no lock.
    """

    def __init__(self, at_once: int, longest: float) -> None:
        """Nobody works or waits yet."""
        self._at_once = at_once
        self._longest = longest
        self._placed = 0
        self._at_work = 0
        self._free = asyncio.Semaphore(at_once)
        self._seconds = UNMEASURED_SECONDS

    @property
    def busy(self) -> bool:
        """Whether one more would have to wait."""
        return self._free.locked()

    def expect(self, seconds: float) -> None:
        """Take a turn to last at least so long, until turns are measured."""
        self._seconds = max(self._seconds, seconds)

    def rejection(self) -> Overloaded | None:
        """The error for one more request where it would wait too long, else None.

        Its `retry_after` is when those who wait now are expected to have had their turns.
        """
        seconds = (self._placed - self._at_work) * self._seconds / self._at_once
        if seconds < self._longest:
            return None
        return Overloaded(retry_after=max(1, math.ceil(seconds)))

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take a place in line, from before the turn to its end.

        Raises:
            Overloaded: the wait would be too long.
        """
        rejection = self.rejection()
        if rejection is not None:
            raise rejection
        self._placed += 1
        try:
            yield
        finally:
            self._placed -= 1

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until it is the turn of this request, which has a place, and keep it.

        One that fails or is broken off measures nothing, or it would make waits look short.
        """
        async with self._free:
            self._at_work += 1
            started = time.monotonic()
            try:
                yield
            finally:
                self._at_work -= 1
            self._seconds += SMOOTHING * (time.monotonic() - started - self._seconds)
