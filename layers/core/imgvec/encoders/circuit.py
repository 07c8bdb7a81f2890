"""A circuit breaker: nothing is asked of what is down, but one call now and then."""

import math
import time
from collections.abc import Callable
from threading import Lock

from imgvec.errors import NotReady


class Circuit:
    """Opens after `limit` failures in a row; each `pause` seconds one call may then try."""

    def __init__(
        self, limit: int = 5, pause: float = 5.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin closed: every call may pass."""
        self._limit = limit
        self._pause = pause
        self._clock = clock
        self._failures = 0
        self._next_try = 0.0
        self._lock = Lock()

    def admit(self) -> None:
        """Let a call pass, or refuse it while the circuit is open.

        Raises:
            NotReady: it is open; the error says how long.
        """
        with self._lock:
            if self._failures < self._limit:
                return
            now = self._clock()
            if now < self._next_try:
                raise NotReady(UNREACHABLE, retry_after=math.ceil(self._next_try - now))
            self._next_try = now + self._pause

    def succeeded(self) -> None:
        """Close: what was called is up."""
        with self._lock:
            self._failures = 0

    def failed(self) -> None:
        """Count a call that found it down."""
        with self._lock:
            self._failures += 1
            self._next_try = self._clock() + self._pause


UNREACHABLE = "The encoder cannot be reached, try again shortly"
