"""Requests in flight and the bytes that they hold, bounded together and by consumer.

Strangers can send bodies too, because a key may be inside. So where there is no room, bodies of
which no key is known yet end before anything that belongs to a consumer is rejected.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakValueDictionary

from imgvec.errors import Overloaded, TooFast
from imgvec.types import Principal

TOO_MUCH: Final = "Your requests hold too many bytes at once, send fewer of them at a time"
_body: ContextVar["Body | None"] = ContextVar("body", default=None)


@dataclass(eq=False, slots=True)
class Body:
    """The body of one request."""

    end: Callable[[], None]
    """Ends the reading of the body."""
    since: float = field(default_factory=time.monotonic)
    size: int = 0
    """Bytes that have arrived and are held."""
    consumer: str = ""
    """Empty until a key, or the token of an upload, was judged."""
    judged: tuple[frozenset[str], Principal] | None = None
    """The keys that were judged, and their principal."""

    @property
    def burden(self) -> float:
        """Bytes times the seconds since the begin: the slow and large ones have most."""
        return self.size * (time.monotonic() - self.since)


def body_of_request() -> Body | None:
    """The body of this task's request; None outside of requests."""
    return _body.get()


@dataclass(slots=True)
class InFlight:
    """Requests of the dialects, from headers to response, and the bytes that they hold."""

    most_bytes: int
    """Limit for the bytes of bodies and of images that were read for requests."""
    requests: int = 0
    bytes: int = 0
    draining: bool = False
    """Whether the process is stopping: it finishes requests in flight and rejects new ones."""
    _owned: Counter[str] = field(default_factory=Counter)
    """Bytes by consumer."""
    _strangers: set[Body] = field(default_factory=set)
    """Bodies that still arrive, of which no key is known."""
    _read: Counter[str] = field(default_factory=Counter)
    """Bytes of fetched images and assets by consumer."""
    _next: asyncio.Lock = field(default_factory=asyncio.Lock)
    _turns: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    _less: asyncio.Event = field(default_factory=asyncio.Event)

    @contextmanager
    def request(self, end: Callable[[], None]) -> Iterator[Body]:
        """Count a request until the block ends, and what its body holds; `end` ends its reading."""
        body = Body(end)
        _body.set(body)
        self._strangers.add(body)
        self.requests += 1
        try:
            yield body
        finally:
            self.requests -= 1
            self._forget(body)

    def arrived(self, body: Body, size: int, *, whole: bool) -> None:
        """Count bytes of a body, the last ones if it is `whole`.

        Raises:
            TooFast: its consumer holds too much, or there is no room.
        """
        if whole:
            self._strangers.discard(body)
        body.size += size
        self._count(body.consumer, size)
        self._check(body.consumer, body.size, body)

    def claim(self, consumer: str) -> None:
        """Count the body of this task's request as this consumer's.

        Raises:
            TooFast: the consumer holds too much.
        """
        body = body_of_request()
        if body is None or body.consumer == consumer:
            return
        self._strangers.discard(body)
        self._count(body.consumer, -body.size)
        body.consumer = consumer
        self._count(consumer, body.size)
        self._check_share(consumer, body.size)

    @asynccontextmanager
    async def holding(self, size: int, consumer: str) -> AsyncIterator[None]:
        """Count an image that was read for a request, once there is room in half of the limit.

        A consumer has half of that half, so the others do not wait behind its images. The images
        before it wait only for a permit to decode, so the wait ends.

        Raises:
            TooFast: there is no room beside the bodies in flight.
        """
        await self._wait_for_room(size, consumer)
        self._read[consumer] += size
        self._count(consumer, size)
        try:
            self._check(consumer, size)
            yield
        finally:
            self._read[consumer] -= size
            self._read += Counter()  # Drops zeros.
            self._count(consumer, -size)
            self._less.set()

    async def _wait_for_room(self, size: int, consumer: str) -> None:
        # First come, first served: small images must not overtake a large one for ever.
        turn = self._turns.setdefault(consumer, asyncio.Lock())
        async with turn:
            while 0 < self._read[consumer] > self.most_bytes // 4 - size:
                await self._change()
            async with self._next:
                while 0 < self._read.total() > self.most_bytes // 2 - size:
                    await self._change()

    async def _change(self) -> None:
        self._less.clear()
        await self._less.wait()

    def _count(self, consumer: str, size: int) -> None:
        self.bytes += size
        self._owned[consumer] += size
        if not self._owned[consumer]:
            del self._owned[consumer]

    def _forget(self, body: Body) -> None:
        self._strangers.discard(body)
        self._count(body.consumer, -body.size)
        body.size = 0

    def _check(self, consumer: str, size: int, own: Body | None = None) -> None:
        """Make room for `size` bytes that are counted already; bodies of strangers end first.

        A request that is alone passes, whatever its size.
        """
        self._check_share(consumer, size)
        while 0 < size < self.bytes > self.most_bytes:
            worst = max(self._strangers, key=lambda body: body.burden, default=None)
            if worst is None or worst is own or not worst.size:
                raise Overloaded
            self._forget(worst)
            worst.end()

    def _check_share(self, consumer: str, size: int) -> None:
        if consumer and 0 < size < self._owned[consumer] > self.most_bytes // 2:
            raise TooFast(TOO_MUCH)
