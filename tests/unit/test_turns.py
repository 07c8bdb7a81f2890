"""The line: order, places, estimated waits, and what is left of a request that goes."""

import asyncio
from contextlib import ExitStack

import pytest

from imgvec.errors import Overloaded
from imgvec.flow.turns import Turns


async def settled() -> None:
    """Let every task go as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


class House:
    """Requests by name, who keep their turn until they are told to end it."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self.begun: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._end: dict[str, asyncio.Event] = {}

    def full(self) -> bool:
        """Whether one more would be rejected."""
        return self._turns.rejection() is not None

    async def enter(self, *names: str) -> None:
        """Send requests in."""
        for name in names:
            self._end[name] = asyncio.Event()
            self.tasks[name] = asyncio.create_task(self._request(name))
            await settled()

    async def end(self, *names: str) -> None:
        """Let requests end."""
        for name in names:
            self._end[name].set()
            await settled()

    async def _request(self, name: str) -> None:
        with self._turns.place():
            async with self._turns.turn():
                self.begun.append(name)
                await self._end[name].wait()


def expecting(at_once: int, waiting: int) -> Turns:
    """Turns of a second each, as far as is known, for which so many wait and no more."""
    turns = Turns(at_once, longest=waiting / at_once)
    turns.expect(1.0)
    return turns


def test_turns_in_the_order_they_came() -> None:
    async def scenario() -> None:
        house = House(expecting(at_once=2, waiting=3))
        await house.enter(*"abcde")
        assert house.begun == ["a", "b"]
        await house.end("b", "a")
        assert house.begun == ["a", "b", "c", "d"]
        await house.enter("f")
        await house.end("d", "c")
        assert house.begun == list("abcdef")
        await house.end("e", "f")

    asyncio.run(scenario())


def test_one_who_would_wait_too_long_is_rejected_and_the_others_stay() -> None:
    async def scenario() -> None:
        house = House(expecting(at_once=1, waiting=2))
        await house.enter("a", "b")
        assert not house.full()
        await house.enter("c")
        assert house.full()
        await house.enter("d")
        with pytest.raises(Overloaded):
            await asyncio.wait_for(house.tasks["d"], 5)
        await house.end("a")
        assert not house.full()
        await house.end("b", "c")
        assert house.begun == ["a", "b", "c"]

    asyncio.run(scenario())


def test_one_that_goes_leaves_its_place() -> None:
    async def scenario() -> None:
        house = House(expecting(at_once=1, waiting=1))
        await house.enter("a", "b")
        assert house.full()
        house.tasks["b"].cancel()
        await settled()
        assert not house.full()
        await house.enter("c")
        house.tasks["a"].cancel()
        await settled()
        assert house.begun == ["a", "c"]
        await house.end("c")

    asyncio.run(scenario())


def test_one_with_a_place_waits_before_it_asks_for_its_turn() -> None:
    """It fetches an image meanwhile, and others are to know of it."""

    async def scenario() -> None:
        turns = expecting(at_once=1, waiting=1)
        with turns.place():
            assert turns.rejection() is not None
            async with turns.turn():
                assert turns.rejection() is None
        assert turns.rejection() is None

    asyncio.run(scenario())


def test_nothing_measured_yet_is_neither_endless_nor_nothing() -> None:
    async def scenario() -> None:
        turns = Turns(at_once=8, longest=20.0)
        with ExitStack() as line:
            placed = 0
            while turns.rejection() is None:
                line.enter_context(turns.place())
                placed += 1
        assert 500 <= placed <= 5000

    asyncio.run(scenario())


def test_a_line_is_as_long_as_turns_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told to come back when those who wait have had their turns."""
    now = 0.0
    monkeypatch.setattr("imgvec.flow.turns.time.monotonic", lambda: now)

    async def scenario() -> None:
        nonlocal now
        turns = Turns(at_once=2, longest=8.5)
        for _ in range(300):
            with turns.place():
                async with turns.turn():
                    now += 3.0
        house = House(turns)
        await house.enter(*"abcdefg")
        # Five wait for two turns of three seconds each: 7.5 s. The sixth makes it nine.
        assert turns.rejection() is None
        await house.enter("h")
        rejection = turns.rejection()
        assert rejection is not None
        assert rejection.retry_after == 9
        await house.end(*"abcdefgh")

    asyncio.run(scenario())
