"""Turns by consumer: a queue, and a thread pool whose jobs run in that order."""

from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Condition
from typing import Generic, TypeVar

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
        """Take up to `most` items of one consumer, then single items of those who have one each."""
        own = self._items.pop(consumer, None)
        if own is None:
            return []
        taken = [own.popleft() for _ in range(min(most, len(own)))]
        if own:
            self._items[consumer] = own
        singles = [one for one, items in self._items.items() if len(items) == 1 and one != consumer]
        taken += [self._items.pop(one)[0] for one in singles[: most - len(taken)]]
        self._length -= len(taken)
        return taken


@dataclass(slots=True)
class _Jobs:
    """Waiting jobs of a consumer."""

    single: deque[Callable[[], None]] = field(default_factory=deque)
    batch: deque[tuple[Callable[[], None], Callable[[], bool]]] = field(default_factory=deque)


class FairExecutor:
    """A thread pool that takes its jobs in turn by consumer. Calls are thread-safe."""

    def __init__(self, threads: int, name: str) -> None:
        """Threads start with the first jobs; `name` is the beginning of theirs."""
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._count = self._free = threads
        self._waiting: OrderedDict[str, _Jobs] = OrderedDict()
        self._changed = Condition()

    @property
    def busy(self) -> bool:
        """Whether a new job has to wait."""
        return self._free <= 0

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
            self._jobs(consumer).single.append(job)
        self._threads.submit(self._run_next)
        return future

    def submit_batch(
        self, consumer: str, run: Callable[[], None], full: Callable[[], bool]
    ) -> None:
        """Run a consumer's batch once it is `full`, or as soon as no single job of theirs waits.

        Their single jobs, the decodes, bring the images that fill the batch.
        """
        with self._changed:
            self._jobs(consumer).batch.append((run, full))
        self._threads.submit(self._run_next)

    def close(self) -> None:
        """Finish all jobs, also those that a job adds, and end the threads."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and self._free == self._count)
        self._threads.shutdown()

    def _jobs(self, consumer: str) -> _Jobs:
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
