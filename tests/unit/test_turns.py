"""The bounded queue: order, places, and what is left of a request that goes."""

import asyncio

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
        """Whether one more would be refused."""
        return self._turns.full

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
        async with self._turns.turn():
            self.begun.append(name)
            await self._end[name].wait()


def test_turns_in_the_order_they_came() -> None:
    async def scenario() -> None:
        house = House(Turns(at_once=2, waiting=3))
        await house.enter(*"abcde")
        assert house.begun == ["a", "b"]
        await house.end("b", "a")
        assert house.begun == ["a", "b", "c", "d"]
        await house.enter("f")
        await house.end("d", "c")
        assert house.begun == list("abcdef")
        await house.end("e", "f")

    asyncio.run(scenario())


def test_one_more_than_fits_is_refused_and_the_others_stay() -> None:
    async def scenario() -> None:
        house = House(Turns(at_once=1, waiting=2))
        await house.enter("a", "b")
        assert not house.full()
        await house.enter("c")
        assert house.full()
        await house.enter("d")
        with pytest.raises(Overloaded):
            await house.tasks["d"]
        await house.end("a")
        assert not house.full()
        await house.end("b", "c")
        assert house.begun == ["a", "b", "c"]

    asyncio.run(scenario())


def test_one_that_goes_leaves_its_place() -> None:
    async def scenario() -> None:
        house = House(Turns(at_once=1, waiting=1))
        await house.enter("a", "b")
        house.tasks["b"].cancel()
        await settled()
        assert not house.full()
        await house.enter("c")
        house.tasks["a"].cancel()
        await settled()
        assert house.begun == ["a", "c"]
        await house.end("c")

    asyncio.run(scenario())


def test_told_to_come_back_when_the_queue_has_had_its_turns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr("imgvec.flow.turns.time.monotonic", lambda: now)

    async def scenario() -> None:
        nonlocal now
        turns = Turns(at_once=2, waiting=10)
        assert turns.refusal().retry_after == 1
        for _ in range(100):
            async with turns.turn():
                now += 3.0
        house = House(turns)
        await house.enter(*"abcdefgh")
        # Six wait for two turns of three seconds each.
        assert turns.refusal().retry_after == 9
        await house.end(*"abcdefgh")

    asyncio.run(scenario())
