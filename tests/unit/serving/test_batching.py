"""Micro-batching: who travels together, who waits, and that what fails, fails alone."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from imgvec.errors import BadParameter, InternalFault, NotReady, RequestError
from imgvec.serving.batching import Batcher

LONG = 3600.0
"""Seconds; a test that waited for it would never end."""


@dataclass
class Doubler:
    """Doubles numbers; holds its breath while `gate` is shut; fails at what is poison."""

    gate: threading.Event = field(default_factory=threading.Event)
    started: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    batches: list[list[int]] = field(default_factory=list)
    poison: frozenset[int] = frozenset()
    refused: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        self.gate.set()

    def __call__(self, items: Sequence[int]) -> list[int | RequestError]:
        self.batches.append(list(items))
        self.started.release()
        self.gate.wait()
        if not self.poison.isdisjoint(items):
            raise RuntimeError("the accelerator says no")
        return [BadParameter() if item in self.refused else 2 * item for item in items]


@asynccontextmanager
async def working(
    run: Doubler, *, size: int = 32, wait: float = 0.0, queue: int = 100
) -> AsyncIterator[Batcher[int, int]]:
    """A batcher at work."""
    with ThreadPoolExecutor(1) as executor:
        batcher: Batcher[int, int] = Batcher(run, executor, size=size, wait=wait, queue=queue)
        task = asyncio.create_task(batcher.work())
        try:
            async with asyncio.timeout(30):
                yield batcher
        finally:
            run.gate.set()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def begun(run: Doubler) -> None:
    """Wait until a batch is being computed."""
    await asyncio.to_thread(run.started.acquire)


def test_what_waits_while_a_batch_is_computed_is_the_next_batch() -> None:
    async def scenario() -> None:
        run = Doubler()
        async with working(run, size=8) as batcher:
            run.gate.clear()
            first = asyncio.create_task(batcher.submit(0))
            await begun(run)
            rest = [asyncio.create_task(batcher.submit(number)) for number in range(1, 12)]
            await asyncio.sleep(0)
            run.gate.set()
            assert await asyncio.gather(first, *rest) == [2 * number for number in range(12)]
        assert run.batches == [[0], list(range(1, 9)), [9, 10, 11]]

    asyncio.run(scenario())


def test_a_lone_client_never_waits_for_company() -> None:
    async def scenario() -> None:
        run = Doubler()
        async with working(run, wait=LONG) as batcher:
            assert [await batcher.submit(number) for number in range(3)] == [0, 2, 4]

    asyncio.run(scenario())


def test_after_a_batch_of_several_the_next_waits_until_it_is_full() -> None:
    async def scenario() -> None:
        run = Doubler()
        async with working(run, size=4, wait=LONG) as batcher:
            await asyncio.gather(*(batcher.submit(number) for number in range(4)))
            early = asyncio.create_task(batcher.submit(4))
            for _ in range(50):
                await asyncio.sleep(0)
            assert len(run.batches) == 1
            await asyncio.gather(early, *(batcher.submit(number) for number in (5, 6, 7)))
        assert run.batches == [[0, 1, 2, 3], [4, 5, 6, 7]]

    asyncio.run(scenario())


def test_a_batch_that_is_not_full_goes_when_the_wait_is_over() -> None:
    async def scenario() -> None:
        run = Doubler()
        async with working(run, size=4, wait=0.01) as batcher:
            await asyncio.gather(*(batcher.submit(number) for number in range(4)))
            assert await batcher.submit(4) == 8

    asyncio.run(scenario())


def test_poison_among_31_fails_alone() -> None:
    async def scenario() -> None:
        run = Doubler(poison=frozenset({13}))
        async with working(run) as batcher:
            told = await asyncio.gather(
                *(batcher.submit(number) for number in range(32)), return_exceptions=True
            )
            assert isinstance(told.pop(13), InternalFault)
            assert told == [2 * number for number in range(32) if number != 13]
            assert batcher.failures == 0, "good ones passed after it"

    asyncio.run(scenario())


def test_an_item_that_is_refused_does_not_touch_its_batch_mates() -> None:
    async def scenario() -> None:
        run = Doubler(refused=frozenset({2}))
        async with working(run) as batcher:
            told = await asyncio.gather(
                *(batcher.submit(number) for number in range(4)), return_exceptions=True
            )
            assert isinstance(told.pop(2), BadParameter)
            assert told == [0, 2, 6]
        assert len(run.batches) == 1

    asyncio.run(scenario())


def test_an_accelerator_that_has_died_is_counted() -> None:
    async def scenario() -> None:
        run = Doubler(poison=frozenset(range(10)))
        async with working(run) as batcher:
            for number in range(3):
                with pytest.raises(InternalFault):
                    await batcher.submit(number)
            assert batcher.failures == 3

    asyncio.run(scenario())


def test_a_full_queue_refuses_at_once() -> None:
    async def scenario() -> None:
        run = Doubler()
        async with working(run, size=1, queue=2) as batcher:
            run.gate.clear()
            taken = [asyncio.create_task(batcher.submit(0))]
            await begun(run)
            taken += [asyncio.create_task(batcher.submit(number)) for number in (1, 2)]
            await asyncio.sleep(0)
            with pytest.raises(NotReady, match="queue is full"):
                await batcher.submit(3)
            run.gate.set()
            assert await asyncio.gather(*taken) == [0, 2, 4]

    asyncio.run(scenario())


def test_who_goes_away_does_not_stop_the_others() -> None:
    async def scenario() -> None:
        run = Doubler()
        async with working(run) as batcher:
            run.gate.clear()
            gone = asyncio.create_task(batcher.submit(0))
            await begun(run)
            gone.cancel()
            stays = asyncio.create_task(batcher.submit(1))
            run.gate.set()
            assert await stays == 2

    asyncio.run(scenario())
