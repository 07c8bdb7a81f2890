"""Turns by consumer: a queue, and a thread pool whose jobs run in that order."""

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Condition
from typing import Final, Generic, TypeVar

SHARED_SECONDS: Final = 1.0

T = TypeVar("T")


class FairQueue(Generic[T]):
    """Items in turn by consumer, and in order within a consumer."""

    def __init__(self) -> None:
        """Start empty."""
        self._items: OrderedDict[str, deque[T]] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        """Items of all consumers."""
        return self._length

    def push(self, consumer: str, item: T) -> None:
        """Append an item of a consumer."""
        self._items.setdefault(consumer, deque()).append(item)
        self._length += 1

    def pop(self) -> T:
        """Take the next item; its consumer goes to the end of the round."""
        consumer, items = next(iter(self._items.items()))
        item = items.popleft()
        self._length -= 1
        if items:
            self._items.move_to_end(consumer)
        else:
            del self._items[consumer]
        return item

    def count(self, consumer: str) -> int:
        """Items of one consumer."""
        return len(self._items.get(consumer, ()))

    def take(self, consumer: str, most: int) -> list[T]:
        """Take up to `most` items of one consumer."""
        own = self._items.get(consumer, deque())
        taken = [own.popleft() for _ in range(min(most, len(own)))]
        if not own:
            self._items.pop(consumer, None)
        self._length -= len(taken)
        return taken


@dataclass(slots=True)
class _Jobs:
    """Waiting jobs of a consumer."""

    single: deque[Callable[[], None]] = field(default_factory=deque)
    batch: deque[tuple[Callable[[], None], Callable[[], bool]]] = field(default_factory=deque)


class FairExecutor:
    """A thread pool that takes its jobs in turn by consumer; jobs of "" are the process's own.

    Calls are thread-safe.
    """

    def __init__(self, threads: int, name: str) -> None:
        """Threads start with the first jobs; `name` is the beginning of theirs."""
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._count = self._free = threads
        self._waiting: OrderedDict[str, _Jobs] = OrderedDict()
        self._changed = Condition()
        self._latest = ""
        self._shared_at = -math.inf

    @property
    def busy(self) -> bool:
        """Whether a new job has to wait."""
        return self._free <= 0

    @property
    def shared(self) -> bool:
        """Whether several consumers had jobs within the last second."""
        return time.monotonic() - self._shared_at < SHARED_SECONDS

    def submit(self, consumer: str, call: Callable[[], T]) -> Future[T]:
        """Run a call for a consumer; a future that is cancelled before its turn never runs."""
        future: Future[T] = Future()

        def job() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = call()
            except BaseException as fault:
                future.set_exception(fault)
            else:
                future.set_result(result)

        with self._changed:
            self._jobs_of(consumer).single.append(job)
        self._threads.submit(self._run_next)
        return future

    def submit_batch(
        self, consumer: str, run: Callable[[], None], full: Callable[[], bool]
    ) -> None:
        """Run a consumer's batch once it is `full`, or as soon as no single job of theirs waits.

        Their single jobs, the decodes, bring the images that fill the batch.
        """
        with self._changed:
            self._jobs_of(consumer).batch.append((run, full))
        self._threads.submit(self._run_next)

    def close(self) -> None:
        """Finish all jobs, also those that a job adds, and end the threads."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and self._free == self._count)
        self._threads.shutdown()

    def _jobs_of(self, consumer: str) -> _Jobs:
        """The waiting jobs of a consumer who has one more; notes whether several have jobs."""
        if consumer and consumer != self._latest:
            if self._latest:
                self._shared_at = time.monotonic()
            self._latest = consumer
        return self._waiting.setdefault(consumer, _Jobs())

    def _run_next(self) -> None:
        with self._changed:
            job = self._pop()
            self._free -= 1
        try:
            job()
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify_all()

    def _pop(self) -> Callable[[], None]:
        """The job whose turn it is; its consumer goes to the end of the round."""
        consumer, jobs = next(iter(self._waiting.items()))
        if jobs.batch and (not jobs.single or jobs.batch[0][1]()):
            job, _ = jobs.batch.popleft()
        else:
            job = jobs.single.popleft()
        if jobs.single or jobs.batch:
            self._waiting.move_to_end(consumer)
        else:
            del self._waiting[consumer]
        return job
