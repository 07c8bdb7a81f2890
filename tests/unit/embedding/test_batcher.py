"""Micro-batching: which items share a batch, which wait, and that an item fails alone."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import pytest

from imgvec.embedding.batcher import Batcher
from imgvec.embedding.fair import FairExecutor
from imgvec.errors import BadParameter, NotReady, RequestError

LONG = 3600.0
"""Seconds; a test that waited for it would never end."""


@dataclass
class Doubler:
    """Doubles numbers; stops while `gate` is shut; fails at poison."""

    gate: threading.Event = field(default_factory=threading.Event)
    started: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    batches: list[list[int]] = field(default_factory=list)
    poison: frozenset[int] = frozenset()
    rejected: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        self.gate.set()

    def __call__(self, items: Sequence[int]) -> list[int | RequestError]:
        self.batches.append(list(items))
        self.started.release()
        self.gate.wait()
        if not self.poison.isdisjoint(items):
            raise RuntimeError("the accelerator says no")
        return [BadParameter() if item in self.rejected else 2 * item for item in items]


@contextmanager
def working(
    run: Doubler, *, size: int = 32, wait: float = 0.0, queue: int = 100
) -> Iterator[Batcher[int, int]]:
    """A batcher with one thread."""
    executor = FairExecutor(1, "test")
    try:
        yield Batcher(run, executor, size=size, wait=wait, queue=queue)
    finally:
        run.gate.set()
        executor.close()


def test_items_that_wait_while_a_batch_is_computed_are_the_next_batch() -> None:
    run = Doubler()
    with working(run, size=8) as batcher:
        run.gate.clear()
        futures = [batcher.submit(0)]
        run.started.acquire()
        futures += [batcher.submit(number) for number in range(1, 12)]
        run.gate.set()
        assert [one.result(30) for one in futures] == [2 * number for number in range(12)]
    assert run.batches == [[0], list(range(1, 9)), [9, 10, 11]]


def test_while_consumers_share_the_threads_nobody_waits_for_anothers_batch() -> None:
    run = Doubler()
    with working(run, size=4) as batcher:
        run.gate.clear()
        batcher.submit(0, "many")
        run.started.acquire()
        for number in range(1, 6):
            batcher.submit(number, "many")
        batcher.submit(100, "one")
        run.gate.set()
    assert run.batches == [[0], [1], [100], [2], [3], [4], [5]]


def test_once_a_consumer_is_alone_again_its_items_share_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("imgvec.embedding.fair.SHARED_SECONDS", 0.05)
    run = Doubler()
    with working(run, size=4) as batcher:
        assert batcher.submit(0, "one").result(30) == 0
        run.gate.clear()
        batcher.submit(1, "many")
        run.started.acquire()
        run.started.acquire()
        for number in range(2, 6):
            batcher.submit(number, "many")
        time.sleep(0.1)
        run.gate.set()
    assert run.batches == [[0], [1], [2, 3, 4, 5]]


def test_a_lone_client_never_waits_for_others() -> None:
    run = Doubler()
    with working(run, wait=LONG) as batcher:
        assert [batcher.submit(number).result(30) for number in range(3)] == [0, 2, 4]


def test_after_a_batch_of_several_the_next_waits_until_it_is_full() -> None:
    run = Doubler()
    with working(run, size=4, wait=LONG) as batcher:
        run.gate.clear()
        futures = [batcher.submit(0)]
        run.started.acquire()
        futures += [batcher.submit(number) for number in range(1, 5)]
        run.gate.set()
        wait(futures, 30)
        early = batcher.submit(5)
        time.sleep(0.05)
        assert len(run.batches) == 2
        rest = [batcher.submit(number) for number in (6, 7, 8)]
        assert [one.result(30) for one in (early, *rest)] == [10, 12, 14, 16]
    assert run.batches == [[0], [1, 2, 3, 4], [5, 6, 7, 8]]


def test_a_batch_that_is_not_full_goes_when_the_wait_is_over() -> None:
    run = Doubler()
    with working(run, size=2, wait=0.01) as batcher:
        run.gate.clear()
        futures = [batcher.submit(0)]
        run.started.acquire()
        futures += [batcher.submit(number) for number in (1, 2)]
        run.gate.set()
        wait(futures, 30)
        assert batcher.submit(4).result(30) == 8


def crowd(batcher: Batcher[int, int], run: Doubler, count: int) -> list[int | BaseException]:
    """Results of items that are computed in one batch, behind another one."""
    run.gate.clear()
    batcher.submit(1000)
    run.started.acquire()
    futures = [batcher.submit(number) for number in range(count)]
    run.gate.set()
    wait(futures, 30)
    return [one.exception() or one.result() for one in futures]


def test_poison_among_31_fails_alone() -> None:
    run = Doubler(poison=frozenset({13}))
    with working(run) as batcher:
        results = crowd(batcher, run, 32)
        assert isinstance(results.pop(13), RuntimeError)
        assert results == [2 * number for number in range(32) if number != 13]
        assert batcher.failures == 0, "good ones passed after it"


def test_a_rejected_item_does_not_touch_the_others_of_its_batch() -> None:
    run = Doubler(rejected=frozenset({2}))
    with working(run) as batcher:
        results = crowd(batcher, run, 4)
        assert isinstance(results.pop(2), BadParameter)
        assert results == [0, 2, 6]
    assert run.batches == [[1000], [0, 1, 2, 3]]


def test_an_accelerator_that_has_died_is_counted() -> None:
    run = Doubler(poison=frozenset(range(10)))
    with working(run) as batcher:
        for number in range(3):
            with pytest.raises(RuntimeError, match="the accelerator"):
                batcher.submit(number).result(30)
        assert batcher.failures == 3


def test_a_full_queue_rejects_at_once() -> None:
    run = Doubler()
    with working(run, size=1, queue=2) as batcher:
        run.gate.clear()
        futures = [batcher.submit(0)]
        run.started.acquire()
        futures += [batcher.submit(number) for number in (1, 2)]
        with pytest.raises(NotReady, match="queue is full"):
            batcher.submit(3)
        run.gate.set()
        assert [one.result(30) for one in futures] == [0, 2, 4]


def test_an_item_whose_client_left_is_not_computed() -> None:
    run = Doubler()
    with working(run) as batcher:
        run.gate.clear()
        batcher.submit(0)
        run.started.acquire()
        assert batcher.submit(1).cancel()
        stays = batcher.submit(2)
        run.gate.set()
        assert stays.result(30) == 4
    assert run.batches == [[0], [2]]


def test_a_batch_that_is_not_full_goes_behind_jobs_that_bring_its_items() -> None:
    run = Doubler()
    executor = FairExecutor(1, "test")
    batcher: Batcher[int, int] = Batcher(run, executor, size=3)
    held = threading.Event()
    executor.submit("a", held.wait)
    brought = [executor.submit("a", partial(batcher.submit, number, "a")) for number in range(1, 6)]
    first = batcher.submit(0, "a")
    held.set()
    assert first.result(30) == 0
    assert [one.result(30).result(30) for one in brought] == [2, 4, 6, 8, 10]
    executor.close()
    assert run.batches == [[0, 1, 2], [3, 4, 5]]


def test_jobs_run_in_turn_by_consumer() -> None:
    executor = FairExecutor(1, "test")
    held, order = threading.Event(), list[str]()
    executor.submit("a", held.wait)
    for name in ("a1", "a2", "a3", "b1", "b2", "c1"):
        executor.submit(name[0], partial(order.append, name))
    held.set()
    executor.close()
    assert order == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_a_job_whose_client_left_never_runs_and_a_failure_is_its_own() -> None:
    executor = FairExecutor(1, "test")
    held, order = threading.Event(), list[str]()
    executor.submit("a", held.wait)
    assert executor.submit("a", partial(order.append, "gone")).cancel()
    fails = executor.submit("a", partial(int, "no number"))
    stays = executor.submit("a", partial(order.append, "stays"))
    held.set()
    assert isinstance(fails.exception(30), ValueError)
    assert stays.result(30) is None
    executor.close()
    assert order == ["stays"]


def test_closing_computes_all_that_waits() -> None:
    run = Doubler()
    executor = FairExecutor(1, "test")
    batcher: Batcher[int, int] = Batcher(run, executor, size=2)
    run.gate.clear()
    futures = [batcher.submit(number, "a") for number in range(7)]
    threading.Timer(0.1, run.gate.set).start()
    executor.close()
    assert [one.result(0) for one in futures] == [2 * number for number in range(7)]
