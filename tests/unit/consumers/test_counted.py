"""Units that are taken and given back, when the request is broken off in the middle."""

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import Bench
from imgvec.consumers.charge import Charge, Ticket
from imgvec.consumers.meter import Meter
from imgvec.flow.counted import counted
from imgvec.flow.front import Front, open_stores
from imgvec.settings import Settings


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    """Its threads, for the meter of the bench."""
    settings = Settings(data=tmp_path / "front")
    front = Front(settings, open_stores(settings))
    yield front
    front.close()


def test_broken_off_while_units_are_reserved(bench: Bench, front: Front) -> None:
    """The thread of the store goes on reserving, though nobody waits for it."""
    meter, begun, go = bench.meter(), threading.Event(), threading.Event()
    reserve = meter.reserve

    def slowly(charge: Charge) -> Ticket | None:
        begun.set()
        assert go.wait(10)
        return reserve(charge)

    async def request(meter: Meter) -> None:
        async with counted(front, meter, bench.charge()):
            raise AssertionError("it was broken off before")

    async def scenario(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(meter, "reserve", slowly)
        task = asyncio.create_task(request(meter))
        assert await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        await asyncio.sleep(0)
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    with pytest.MonkeyPatch.context() as patch:
        asyncio.run(scenario(patch))
    # All that the stores' threads have begun is done.
    front.close()
    assert bench.taken() == 0


def test_a_store_call_is_brought_to_its_end_before_its_request_is(front: Front) -> None:
    """Its caller may close a file then."""
    begun, done = threading.Event(), threading.Event()

    def call() -> None:
        begun.set()
        time.sleep(0.2)
        done.set()

    async def scenario() -> None:
        task = asyncio.create_task(front.store(call))
        assert await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert done.is_set()

    asyncio.run(scenario())
