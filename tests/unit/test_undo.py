"""Steps that are taken back: by a failure, and by a request that is broken off."""

import asyncio
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from imgvec.accounts.authentication import Authenticator
from imgvec.accounts.idempotency import IdempotentMeter, Ticket
from imgvec.accounts.metering import Charge
from imgvec.accounts.ports import AccountStore
from imgvec.embedding.metered import StoredAccounts
from imgvec.errors import StoreError, TooFast
from imgvec.settings import load_settings
from imgvec.stores import StoreExecutor, store_of
from imgvec.types import Principal, RequestContext
from imgvec.undo import undone


def test_every_step_is_taken_and_the_failure_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    taken: list[str] = []

    def failing() -> None:
        taken.append("failing")
        raise StoreError("it cannot be reached")

    with pytest.raises(TooFast), undone(failing, lambda: taken.append("second")):
        raise TooFast
    assert taken == ["failing", "second"]
    assert "a step could not be undone: it cannot be reached" in caplog.text


def test_what_succeeds_is_left_alone() -> None:
    taken: list[str] = []
    with undone(lambda: taken.append("undone")):
        pass
    assert taken == []


class SlowMeter(IdempotentMeter):
    """Says that it begins to reserve, and waits for the word to go on."""

    def __init__(self, store: AccountStore, *, window: float) -> None:
        super().__init__(store, window=window)
        self.begun, self.go = threading.Event(), threading.Event()

    def reserve(self, charge: Charge) -> Ticket | None:
        self.begun.set()
        assert self.go.wait(30)
        return super().reserve(charge)


@pytest.mark.parametrize("key", [None, "order-1"])
def test_a_request_that_is_broken_off_while_it_reserves_holds_nothing(
    tmp_path: Path, key: str | None
) -> None:
    settings = load_settings({"IMGVEC_DATA": str(tmp_path)})
    context = RequestContext("request", "pixlab", "/imgembed one", key)
    charge = Charge(Principal("acme", "k_1"), context, 512, "r1", (b"image",))

    async def breaking_off(accounts: StoredAccounts, meter: SlowMeter) -> None:
        async def request() -> None:
            async with accounts.request(charge, 1) as counted, counted.units([b"image"]):
                raise AssertionError("it was broken off before")

        task = asyncio.create_task(request())
        await asyncio.to_thread(meter.begun.wait, 30)
        task.cancel()
        await asyncio.sleep(0)
        meter.go.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    with closing(store_of(settings)) as store:
        meter = SlowMeter(store, window=3600.0)
        with closing(StoreExecutor()) as threads:
            asyncio.run(breaking_off(StoredAccounts(Authenticator(store), meter, threads), meter))
        # The threads have ended.
        assert store.quota_usage("acme", datetime.now(UTC).date(), 0.0).day == 0
        assert IdempotentMeter(store, window=3600.0).reserve(charge) is not None
