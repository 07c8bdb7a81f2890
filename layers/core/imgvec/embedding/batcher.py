"""Micro-batching: items that arrive while a batch is computed form the next batch."""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from threading import Condition
from typing import Generic, TypeAlias, TypeVar

from imgvec.embedding.limiter import FairQueue
from imgvec.errors import NotReady, RequestError

Item = TypeVar("Item")
Result = TypeVar("Result")
Run: TypeAlias = Callable[[Sequence[Item]], Sequence[Result | RequestError]]
"""Computes a batch; the result of an item that fails by itself is its error."""

log = logging.getLogger(__name__)


class Batcher(Generic[Item, Result]):
    """Gathers items into batches, in turn by consumer. Calls are thread-safe.

    A free thread takes all waiting items up to a batch, so without load an item is computed at once
    and alone. Only after a batch of several does a batch that is not full wait, up to `wait`
    seconds, so a single client never waits for others.
    """

    def __init__(
        self,
        run: "Run[Item, Result]",
        executor: Executor,
        *,
        size: int,
        wait: float = 0.0,
        queue: int | None = None,
        trial: Callable[[], int] | None = None,
        more_coming: Callable[[], bool] | None = None,
    ) -> None:
        """Compute in `executor` batches of up to `size`, with at most `queue` items waiting.

        `trial` is called once, when an item first waits behind a batch; it returns the new `size`.
        While `more_coming` says that work in the executor's queue brings more items, a batch that
        is not full goes behind that work.
        """
        self._run = run
        self._executor = executor
        self._size = size
        self._wait = wait
        self._queue = queue
        self._trial = trial
        self._more_coming = more_coming
        self._waiting: FairQueue[tuple[Item, Future[Result]]] = FairQueue()
        self._changed = Condition()
        self._crowded = False
        self.failures = 0
        """Consecutive failures of batches of one item."""

    def submit(self, item: Item, consumer: str = "") -> Future[Result]:
        """Compute one item in a batch with others.

        The future raises the item's own error, or the exception of its computation.

        Raises:
            NotReady: the queue is full.
        """
        future: Future[Result] = Future()
        with self._changed:
            if self._queue is not None and len(self._waiting) >= self._queue:
                raise NotReady("The queue is full")
            self._waiting.push(consumer, (item, future))
            self._changed.notify()
        self._executor.submit(self._take)
        return future

    def _take(self) -> None:
        """Compute the waiting items, up to a batch; none if another thread has taken them."""
        with self._changed:
            self._gather()
            if self._postponed():
                return
            count = min(self._size, len(self._waiting))
            batch = [self._waiting.pop() for _ in range(count)]
            if batch:
                self._crowded = count > 1
            trial = self._trial if self._waiting else None
            if trial is not None:
                self._trial = None
        batch = [one for one in batch if one[1].set_running_or_notify_cancel()]
        if batch:
            self._compute(batch)
        if trial is not None:
            self._size = trial()

    def _postponed(self) -> bool:
        """Put a batch that is not full behind the work that brings more items for it."""
        if self._more_coming is None or not 0 < len(self._waiting) < self._size:
            return False
        if not self._more_coming():
            return False
        try:
            self._executor.submit(self._take)
        except RuntimeError:  # raised once the executor shuts down
            return False
        return True

    def _gather(self) -> None:
        """Wait for a full batch if the last one had several items and this one is not empty."""
        deadline = time.monotonic() + self._wait
        while self._crowded and 0 < len(self._waiting) < self._size:
            if not self._changed.wait(deadline - time.monotonic()):
                return

    def _compute(self, batch: Sequence[tuple[Item, Future[Result]]]) -> None:
        """Set the result of each item; if a batch fails, compute its items one by one."""
        try:
            results = self._run([item for item, _ in batch])
        except Exception as fault:
            # Raised by the accelerator or its runtime, whose exceptions have no common base.
            if len(batch) > 1:
                log.error("a batch of %d failed: %s", len(batch), type(fault).__name__)
                for one in batch:
                    self._compute([one])
                return
            self.failures += not isinstance(fault, RequestError)
            batch[0][1].set_exception(fault)
            return
        self.failures = 0
        for (_, future), result in zip(batch, results, strict=True):
            if isinstance(result, RequestError):
                future.set_exception(result)
            else:
                future.set_result(result)
