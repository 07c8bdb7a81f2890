"""Micro-batching: which items share a batch, which wait, and that an item fails alone."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from imgvec.embedding.batcher import Batcher
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
    with ThreadPoolExecutor(1) as executor:
        try:
            yield Batcher(run, executor, size=size, wait=wait, queue=queue)
        finally:
            run.gate.set()


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


def test_a_batch_is_filled_in_turn_by_consumer() -> None:
    run = Doubler()
    with working(run, size=4) as batcher:
        run.gate.clear()
        batcher.submit(0)
        run.started.acquire()
        for number in range(1, 7):
            batcher.submit(number, "many")
        batcher.submit(100, "one")
        run.gate.set()
    assert run.batches == [[0], [1, 100, 2, 3], [4, 5, 6]]


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


def test_a_batch_that_is_not_full_goes_behind_work_that_brings_more_items() -> None:
    run = Doubler()
    queued = [1]
    with ThreadPoolExecutor(1) as executor:
        batcher: Batcher[int, int] = Batcher(
            run, executor, size=4, more_coming=lambda: bool(queued)
        )
        held = threading.Event()
        executor.submit(held.wait, 30)
        first = batcher.submit(1)
        second: list[Future[int]] = []

        def bring() -> None:
            queued.clear()
            second.append(batcher.submit(2))

        executor.submit(bring)
        held.set()
        assert first.result(30) == 2
        assert second[0].result(30) == 4
    assert run.batches == [[1, 2]]


def test_a_batcher_that_shuts_down_computes_all_the_same() -> None:
    run = Doubler()
    with ThreadPoolExecutor(1) as executor:
        batcher: Batcher[int, int] = Batcher(run, executor, size=4, more_coming=lambda: True)
        held = threading.Event()
        executor.submit(held.wait, 30)
        future = batcher.submit(1)
        executor.shutdown(wait=False)
        held.set()
        assert future.result(30) == 2
