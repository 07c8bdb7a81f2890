"""One consumer leaves the others their share of fetches, loads and bytes."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from imgvec.embedding.in_flight import InFlight
from imgvec.embedding.sources import FETCHES, LOADS, Sources
from imgvec.embedding.types import AssetRef, ImageSource, ImageUrl


class Slow:
    """Sources that answer only where a test lets them."""

    def __init__(self, most_bytes: int = 10**9) -> None:
        self.begun: Counter[str] = Counter()
        self.opened: Counter[str] = Counter()
        self.answer = asyncio.Event()
        self.decode = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []
        self._sources = Sources(self._fetch, self._load, InFlight(most_bytes), 10)

    async def _fetch(self, url: str, most: int | None) -> bytes:
        self.begun[url] += 1
        await self.answer.wait()
        return bytes(1000)

    async def _load(self, consumer: str, asset_id: str) -> bytes:
        return await self._fetch(consumer, None)

    async def ask(self, times: int, source: ImageSource, consumer: str) -> None:
        """Open a source so many times, and let every task go as far as it can."""
        for _ in range(times):
            self.tasks.append(asyncio.create_task(self._hold(source, consumer)))
        await settled()

    async def _hold(self, source: ImageSource, consumer: str) -> None:
        async with self._sources.opened(source, consumer):
            self.opened[consumer] += 1
            await self.decode.wait()


async def settled() -> None:
    for _ in range(200):
        await asyncio.sleep(0)


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await scenario()

    asyncio.run(bounded())


@pytest.mark.parametrize(
    ("places", "source"),
    [(FETCHES, ImageUrl), (LOADS, AssetRef)],
    ids=["fetches", "loads"],
)
def test_a_consumer_of_slow_sites_has_half_of_the_places(
    places: int, source: Callable[[str], ImageSource]
) -> None:
    async def scenario() -> None:
        slow = Slow()
        await slow.ask(2 * places, source("a"), "a")
        assert slow.begun == {"a": places // 2}
        await slow.ask(1, source("b"), "b")
        assert slow.begun["b"] == 1
        slow.answer.set()
        slow.decode.set()
        await asyncio.gather(*slow.tasks)
        # Positive control: those that waited had their turn.
        assert slow.opened == {"a": 2 * places, "b": 1}

    run(scenario)


def test_images_that_wait_for_their_decode_leave_room_for_another_consumers() -> None:
    """Ten fit together; five may be images from elsewhere, and half of these one consumer's."""

    async def scenario() -> None:
        slow = Slow(most_bytes=10_000)
        slow.answer.set()
        await slow.ask(8, ImageUrl("a"), "a")
        assert slow.opened == {"a": 2}
        await slow.ask(8, ImageUrl("b"), "b")
        assert slow.opened == {"a": 2, "b": 2}
        await slow.ask(8, ImageUrl("c"), "c")
        assert slow.opened == {"a": 2, "b": 2, "c": 1}
        slow.decode.set()
        await asyncio.gather(*slow.tasks)
        assert slow.opened == {"a": 8, "b": 8, "c": 8}

    run(scenario)
