"""Permits in turn by consumer, and a line that rejects what would wait too long."""

import asyncio
from collections.abc import Iterable

import pytest

from imgvec.embedding.fair import FairQueue
from imgvec.embedding.limiter import Limiter, Line
from imgvec.errors import Overloaded


async def settled() -> None:
    """Let every task go as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


class Holders:
    """Tasks that hold a permit until they are told to end."""

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter
        self.begun: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._end: dict[str, asyncio.Event] = {}

    async def enter(self, names: Iterable[str]) -> None:
        """Ask for permits; a name's first letter is its consumer."""
        for name in names:
            self._end[name] = asyncio.Event()
            self.tasks[name] = asyncio.create_task(self._hold(name))
            await settled()

    async def end(self, *names: str) -> None:
        """Give permits back."""
        for name in names:
            self._end[name].set()
            await settled()

    async def _hold(self, name: str) -> None:
        async with self._limiter.permit(name[0]):
            self.begun.append(name)
            await self._end[name].wait()


def test_a_queue_goes_round_by_consumer() -> None:
    queue: FairQueue[str] = FairQueue()
    for item in ("a1", "a2", "a3", "b1", "c1", "c2"):
        queue.push(item[0], item)
    assert len(queue) == 6
    first = [queue.pop() for _ in range(4)]
    queue.push("b", "b2")
    assert first == ["a1", "b1", "c1", "a2"]
    assert [queue.pop() for _ in range(3)] == ["c2", "a3", "b2"]
    assert len(queue) == 0


def test_permits_in_turn_by_consumer() -> None:
    async def scenario() -> None:
        holders = Holders(Limiter(1))
        await holders.enter(["a1", "a2", "a3", "b1"])
        assert holders.begun == ["a1"]
        await holders.end("a1", "a2", "b1", "a3")
        assert holders.begun == ["a1", "a2", "b1", "a3"]

    asyncio.run(scenario())


def test_no_more_permits_than_there_are() -> None:
    async def scenario() -> None:
        holders = Holders(Limiter(2))
        await holders.enter(["a1", "a2", "a3"])
        assert holders.begun == ["a1", "a2"]
        await holders.end("a2")
        assert holders.begun == ["a1", "a2", "a3"]
        await holders.end("a1", "a3")
        await holders.enter(["b1", "b2", "b3"])
        assert holders.begun[3:] == ["b1", "b2"]
        await holders.end("b1", "b2", "b3")

    asyncio.run(scenario())


def test_a_task_that_is_cancelled_leaves_the_queue_or_gives_its_permit_back() -> None:
    async def scenario() -> None:
        holders = Holders(Limiter(1))
        await holders.enter(["a1", "b1", "c1"])
        holders.tasks["b1"].cancel()
        holders.tasks["a1"].cancel()
        await settled()
        assert holders.begun == ["a1", "c1"]
        # Cancelled in the very step in which it is granted.
        await holders.enter(["d1", "e1"])
        holders._end["c1"].set()
        while not holders.tasks["c1"].done():
            await asyncio.sleep(0)
        holders.tasks["d1"].cancel()
        await settled()
        assert holders.begun[-1] == "e1"
        await holders.end("e1")

    asyncio.run(scenario())


def test_the_line_is_as_long_as_its_wait_is_short() -> None:
    line = Line(workers=2, longest=20.0)
    line.measured("decode", 3.0)
    line.measured("encode", 1.0)
    with line.place(2):
        assert line.wait == 0, "two parts are at work"
        with line.place(9):
            # Nine parts of four seconds wait for two workers.
            assert line.wait == 18
            assert line.rejection() is None
            with line.place(1):
                rejection = line.rejection()
                assert rejection is not None
                assert rejection.retry_after == 20
                with pytest.raises(Overloaded), line.place(1):
                    pass
            assert line.rejection() is None
    assert line.wait == 0


def test_a_request_that_fails_leaves_its_place() -> None:
    line = Line(workers=1, longest=1.0)
    line.measured("encode", 1.0)
    with pytest.raises(RuntimeError), line.place(5):
        raise RuntimeError
    assert line.rejection() is None


def test_the_estimate_follows_the_work() -> None:
    line = Line(workers=1, longest=1.0)
    with line.place(1 + 100):
        before = line.wait
        for _ in range(400):
            line.measured("encode", 0.5)
        assert 0 < before < line.wait
        assert line.wait == pytest.approx(50)
        for _ in range(400):
            line.measured("encode", 0.001)
        assert line.wait == pytest.approx(0.1, abs=0.01)
