"""What every route needs: who asks, and stores that do not block the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, ParamSpec, TypeVar

from imgvec.assets import Assets
from imgvec.consumers.gate import Gate
from imgvec.consumers.meter import Meter
from imgvec.record import current
from imgvec.settings import Settings
from imgvec.stores.blobs import open_blobs
from imgvec.stores.open import cache_seconds_of, store_of
from imgvec.values import Caller

P = ParamSpec("P")
T = TypeVar("T")

STORE_THREADS: Final = 8


@dataclass(frozen=True, slots=True)
class Stores:
    """What a front is made of."""

    gate: Gate
    meter: Meter
    assets: Assets
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
        close=store.close,
    )


class Front:
    """Admits callers and keeps their assets; enough for all routes that embed nothing."""

    def __init__(self, settings: Settings, stores: Stores) -> None:
        """Stores have threads of their own, so that no computation waits for them."""
        self.settings = settings
        self.gate = stores.gate
        self.assets = stores.assets
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
        """Run a blocking store call in a thread of the stores' own."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._stores, lambda: call(*args, **kwargs))

    @property
    def ready(self) -> bool:
        """Whether requests can be answered."""
        return True

    def close(self) -> None:
        """Finish what runs, end the threads and close the stores."""
        self._stores.shutdown()
        self._close_stores()
