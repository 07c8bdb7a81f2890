"""Micro-batching: items that arrive while a batch is computed form the next batch."""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from threading import Condition
from typing import Generic, TypeAlias, TypeVar

from imgvec.embedding.fair import FairExecutor, FairQueue
from imgvec.errors import NotReady, RequestError

Item = TypeVar("Item")
Result = TypeVar("Result")
Run: TypeAlias = Callable[[Sequence[Item]], Sequence[Result | RequestError]]
"""Computes a batch; the result of an item that fails by itself is its error."""

log = logging.getLogger(__name__)


class Batcher(Generic[Item, Result]):
    """Gathers items into batches. Calls are thread-safe.

    A free thread takes all waiting items of a consumer up to a batch, so without load an item is
    computed at once and alone. Only after a batch of several does a batch that is not full wait, up
    to `wait` seconds, so a single client never waits for others.

    While several consumers share the executor, each item is computed alone, so that nobody waits
    for the batch of another: the little that a batch gains is for one consumer at a time.
    """

    def __init__(
        self,
        run: "Run[Item, Result]",
        executor: FairExecutor,
        *,
        size: int,
        wait: float = 0.0,
        queue: int | None = None,
        trial: Callable[[], int] | None = None,
    ) -> None:
        """Compute in `executor` batches of up to `size`, with at most `queue` items waiting.

        `trial` is called once, when an item first waits behind a batch; it returns the new `size`.
        """
        self._run = run
        self._executor = executor
        self._size = size
        self._wait = wait
        self._queue = queue
        self._trial = trial
        self._waiting: FairQueue[tuple[Item, Future[Result]]] = FairQueue()
        self._scheduled: set[str] = set()
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
            self._schedule(consumer)
        return future

    def _schedule(self, consumer: str) -> None:
        """Have the consumer's next batch computed, unless that is under way."""
        if consumer not in self._scheduled and self._waiting.count(consumer):
            self._scheduled.add(consumer)
            full = partial(self._is_full, consumer)
            self._executor.submit_batch(consumer, partial(self._take, consumer), full)

    def _is_full(self, consumer: str) -> bool:
        return self._waiting.count(consumer) >= self._most()

    def _most(self) -> int:
        """Items of the next batch at most."""
        return 1 if self._executor.shared else self._size

    def _take(self, consumer: str) -> None:
        """Compute the consumer's waiting items, up to a batch; none if another batch had them."""
        with self._changed:
            self._gather()
            batch = self._waiting.take(consumer, self._most())
            self._scheduled.discard(consumer)
            self._schedule(consumer)
            if batch:
                self._crowded = len(batch) > 1
            trial = self._trial if self._waiting else None
            if trial is not None:
                self._trial = None
        batch = [one for one in batch if one[1].set_running_or_notify_cancel()]
        if batch:
            self._compute(batch)
        if trial is not None:
            self._size = trial()

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
