"""Units that are taken and given back, when the request is broken off in the middle."""

import asyncio
import threading

import pytest

from bench import Bench
from imgvec.accounts.authentication import Gate
from imgvec.accounts.charge import Charge, Ticket
from imgvec.embedding.metered import Accounts
from imgvec.stores.executor import StoreExecutor


def test_broken_off_while_units_are_reserved(bench: Bench) -> None:
    """The thread of the store goes on reserving, though nobody waits for it."""
    meter, begun, go = bench.meter(), threading.Event(), threading.Event()
    reserve = meter.reserve
    stores = StoreExecutor()
    accounts = Accounts(Gate(bench.store), meter, stores)

    def slowly(charge: Charge) -> Ticket | None:
        begun.set()
        assert go.wait(10)
        return reserve(charge)

    async def request() -> None:
        async with accounts.units(bench.charge()):
            raise AssertionError("it was broken off before")

    async def scenario(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(meter, "reserve", slowly)
        task = asyncio.create_task(request())
        assert await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        await asyncio.sleep(0)
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    with pytest.MonkeyPatch.context() as patch:
        asyncio.run(scenario(patch))
    # All that the stores' threads have begun is done.
    stores.close()
    assert bench.taken() == 0
