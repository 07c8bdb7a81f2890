"""Rate limits: a token bucket for each consumer, in the memory of this process.

A single process enforces the limit exactly. Behind API Gateway, usage plans limit the total
roughly, and each process of the function has its own buckets.
"""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from imgvec.errors import TooFast
from imgvec.types import Allowance

DEBT_SECONDS: Final = 3600.0
"""Longest time for which work that was in vain keeps a bucket empty."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled: float
    """Time at which `tokens` was computed, in seconds of the clock."""


class RateLimiter:
    """Buckets by consumer; thread-safe. A request takes one token."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with full buckets."""
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, _Bucket] = {}

    def take(self, consumer: str, rate: float, depth: int) -> Allowance:
        """Take a token of a bucket that holds `depth` and gains `rate` a second.

        Raises:
            TooFast: the bucket is empty; the error has the time until the next token.
        """
        with self._lock:
            bucket = self._filled(consumer, rate, depth)
            granted = bucket.tokens >= 1
            bucket.tokens -= granted
            left = bucket.tokens
        allowance = Allowance(depth, max(0, int(left)), math.ceil((depth - left) / rate))
        if not granted:
            raise TooFast(retry_after=math.ceil((1 - left) / rate), allowance=allowance)
        return allowance

    def owe(self, consumer: str, rate: float, depth: int, tokens: int) -> None:
        """Take tokens that may not be there yet: the bucket goes below zero."""
        with self._lock:
            bucket = self._filled(consumer, rate, depth)
            bucket.tokens = max(bucket.tokens - tokens, min(bucket.tokens, -DEBT_SECONDS * rate))

    def _filled(self, consumer: str, rate: float, depth: int) -> _Bucket:
        """The bucket as it is now."""
        now = self._clock()
        bucket = self._buckets.setdefault(consumer, _Bucket(depth, now))
        # The plan may have changed: a bucket holds no more than its present depth.
        bucket.tokens = min(depth, bucket.tokens + (now - bucket.filled) * rate)
        bucket.filled = now
        return bucket
