"""What every route needs: who asks, and stores that do not block the event loop."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, ParamSpec, TypeVar

from imgvec.assets import Assets
from imgvec.consumers.gate import Gate
from imgvec.consumers.meter import Meter
from imgvec.errors import NotReady, Overloaded, StoreError, TooFast
from imgvec.flow.traffic import Traffic
from imgvec.record import current
from imgvec.settings import Settings
from imgvec.stores.blobs import open_blobs
from imgvec.stores.open import cache_seconds_of, store_of
from imgvec.stores.protocols import BlobStore, Store
from imgvec.values import Caller

P = ParamSpec("P")
T = TypeVar("T")

STORE_THREADS: Final = 8
REACH_SECONDS: Final = 3.0
"""How long a store may take to say that it is there; those who ask wait about as long."""
NOBODYS: Final = "0" * 64
"""An id that no key and no asset has."""
STOPPING: Final = "The service is stopping, try again shortly"
UNREACHABLE: Final = "A store cannot be reached, try again shortly"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stores:
    """What a front is made of."""

    gate: Gate
    meter: Meter
    assets: Assets
    reach: Callable[[], None]
    """Raises `StoreError` while a store cannot be read."""
    close: Callable[[], None]


def open_stores(settings: Settings) -> Stores:
    """Open what the settings name: a table and a bucket, or a file and a folder.

    Raises:
        StoreError: a store cannot be used.
    """
    store = store_of(settings)
    blobs, direct = open_blobs(settings)
    assets = Assets(store, blobs, max_bytes=settings.max_image, direct=direct)
    return Stores(
        gate=Gate(store, cache_seconds=cache_seconds_of(settings)),
        meter=Meter(store, window=settings.idempotency_hours * 3600),
        assets=assets,
        reach=partial(_reach, store, blobs),
        close=store.close,
    )


def _reach(store: Store, blobs: BlobStore) -> None:
    """Look for what no store has; one that asks to slow down is there."""
    with suppress(TooFast):
        store.find_key(NOBODYS)
        blobs.read(NOBODYS)


class Front:
    """Admits callers and keeps their assets; enough for all routes that embed nothing."""

    def __init__(self, settings: Settings, stores: Stores) -> None:
        """Stores have threads of their own, so that no computation waits for them."""
        self.settings = settings
        self.gate = stores.gate
        self.assets = stores.assets
        self.traffic = Traffic(settings.max_bodies)
        self._reach = stores.reach
        self._close_stores = stores.close
        self._stores = ThreadPoolExecutor(STORE_THREADS, thread_name_prefix="imgvec-stores")

    async def admit(self, keys: frozenset[str]) -> Caller:
        """Judge the keys that were shown.

        Raises:
            KeyInvalid: none, several or a wrong one.
            KeyDisabled: one that is switched off.
        """
        caller = await self.store(self.gate.admit, keys)
        current().consumer = caller.consumer
        return caller

    async def store(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking store call in a thread of the stores' own, to its end.

        Also where the request is cancelled meanwhile: nobody can break a thread off, and its caller
        may close what it works on.
        """
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._stores, lambda: call(*args, **kwargs))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait({running})
            raise

    async def started(self) -> bool:
        """Whether what computes has been tried."""
        return True

    def overload(self) -> Overloaded | None:
        """Why one more request that computes would be turned away, if it would be."""
        return None

    async def check(self) -> None:
        """Try whether requests can be answered now.

        Raises:
            NotReady: the process is starting or stopping, or a store cannot be read.
        """
        if self.traffic.draining:
            raise NotReady(STOPPING)
        if not await self.started():
            raise NotReady
        try:
            async with asyncio.timeout(REACH_SECONDS):
                await self.store(self._reach)
        except StoreError as problem:
            log.error("not ready: %s", problem)
            raise NotReady(UNREACHABLE) from None
        except TimeoutError:
            log.error("not ready: a store has said nothing for %d s", REACH_SECONDS)
            raise NotReady(UNREACHABLE) from None

    def close(self) -> None:
        """Finish what runs, end the threads and close the stores."""
        self._stores.shutdown()
        self._close_stores()
