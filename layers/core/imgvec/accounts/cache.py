"""An in-memory cache whose entries expire."""

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Final, Generic, TypeVar

V = TypeVar("V")

MOST: Final = 10_000
"""Most entries; beyond it the oldest is removed."""


class Cache(Generic[V]):
    """Values by name, each for `seconds`; 0 caches nothing. Thread-safe."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self._seconds = seconds
        self._clock = clock
        self._lock = Lock()
        self._values: OrderedDict[str, tuple[float, V]] = OrderedDict()

    def get(self, name: str) -> V | None:
        """The value, or None if it is unknown or expired."""
        with self._lock:
            known = self._values.get(name)
        if known is None or self._clock() >= known[0] + self._seconds:
            return None
        return known[1]

    def put(self, name: str, value: V) -> None:
        """Store a fresh value."""
        with self._lock:
            self._values[name] = (self._clock(), value)
            self._values.move_to_end(name)
            if len(self._values) > MOST:
                self._values.popitem(last=False)

    def drop(self, name: str) -> None:
        """Remove a value; absent is fine."""
        with self._lock:
            self._values.pop(name, None)

    def amend(self, name: str, value: V) -> None:
        """Replace a cached value without extending its life."""
        with self._lock:
            if name in self._values:
                self._values[name] = (self._values[name][0], value)
