"""Adaptive micro-batching: what waits while a batch is computed is the next batch."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from typing import Generic, TypeAlias, TypeVar

from imgvec.errors import InternalFault, NotReady, RequestError

Item = TypeVar("Item")
Result = TypeVar("Result")
Run: TypeAlias = Callable[[Sequence[Item]], Sequence[Result | RequestError]]
"""Computes a batch; an item that fails alone has its error in its place."""

log = logging.getLogger(__name__)


class Batcher(Generic[Item, Result]):
    """Gathers items into batches, computes one batch at a time.

    Nobody is waited for while items come one by one; after a batch of several, a batch that is not
    full waits up to `wait` seconds for more. So a lone client pays nothing for the batching.
    """

    def __init__(
        self,
        run: "Run[Item, Result]",
        executor: Executor,
        *,
        size: int,
        wait: float,
        queue: int,
    ) -> None:
        """Compute in `executor` batches of up to `size`; refuse what exceeds `queue` waiting."""
        self._run = run
        self._executor = executor
        self._size = size
        self._wait = wait
        self._queue = queue
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._arrived = asyncio.Event()
        self._crowded = False
        self.failures = 0
        """Batches of one that have failed in a row."""

    async def submit(self, item: Item) -> Result:
        """Compute one item, in whatever company.

        Raises:
            NotReady: the queue is full.
            RequestError: what became of the item.
        """
        if len(self._waiting) >= self._queue:
            raise NotReady("The queue is full")
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._arrived.set()
        return await future

    async def work(self) -> None:
        """Compute batches until cancelled."""
        while True:
            await self._gather()
            count = min(self._size, len(self._waiting))
            batch = [self._waiting.popleft() for _ in range(count)]
            self._crowded = count > 1
            loop = asyncio.get_running_loop()
            results = await loop.run_in_executor(
                self._executor, self._compute, [item for item, _ in batch]
            )
            for (_, future), result in zip(batch, results, strict=True):
                if future.cancelled():
                    continue
                if isinstance(result, RequestError):
                    future.set_exception(result)
                else:
                    future.set_result(result)

    async def _gather(self) -> None:
        """Return as soon as a batch may go."""
        await self._until(1)
        if self._crowded:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._wait):
                    await self._until(self._size)

    async def _until(self, count: int) -> None:
        while len(self._waiting) < count:
            self._arrived.clear()
            await self._arrived.wait()

    def _compute(self, items: Sequence[Item]) -> Sequence[Result | RequestError]:
        """Compute a batch; one that fails as a whole is computed one by one."""
        try:
            results = self._run(items)
        except RequestError as error:
            results = [error]
        except Exception as fault:
            # Of the accelerator or its runtime, whose exceptions have no common kind.
            log.error("a batch of %d failed: %s", len(items), type(fault).__name__)
            results = [InternalFault()]
            self.failures += len(items) == 1
        else:
            self.failures = 0
            return results
        if len(items) == 1:
            return results
        return [result for item in items for result in self._compute([item])]
