"""How fast: a token bucket for each consumer, in this process.

On a laptop one process serves, and its buckets are the limit. Behind API Gateway the usage plan is
the coarse part, and each process of the function adds its own bucket.
"""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from imgvec.errors import TooFast
from imgvec.types import Allowance


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled: float
    """When `tokens` was true, in seconds of the clock."""


class RateLimiter:
    """Buckets by consumer; thread-safe. A request takes one token."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """All buckets are full."""
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, _Bucket] = {}

    def take(self, consumer: str, rate: float, depth: int) -> Allowance:
        """Take a token of a bucket that holds `depth` and gains `rate` a second.

        Raises:
            TooFast: the bucket is empty; it says when the next token is there.
        """
        with self._lock:
            now = self._clock()
            bucket = self._buckets.setdefault(consumer, _Bucket(depth, now))
            # A plan may have changed since: no bucket holds more than its plan's depth.
            bucket.tokens = min(depth, bucket.tokens + (now - bucket.filled) * rate)
            bucket.filled = now
            granted = bucket.tokens >= 1
            bucket.tokens -= granted
            left = bucket.tokens
        allowance = Allowance(depth, int(left), math.ceil((depth - left) / rate))
        if not granted:
            raise TooFast(retry_after=math.ceil((1 - left) / rate), allowance=allowance)
        return allowance
