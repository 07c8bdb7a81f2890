"""The stores and accounts of an application, opened once for each process."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, ParamSpec, TypeVar

from imgvec.accounts.authentication import Authenticator
from imgvec.accounts.idempotency import IdempotentMeter
from imgvec.assets.ports import BlobStore
from imgvec.assets.service import Assets
from imgvec.embedding.in_flight import InFlight, body_of_request
from imgvec.errors import NotReady, StoreError, TooFast
from imgvec.request_log import current, stage
from imgvec.settings import Settings
from imgvec.stores import Store, StoreExecutor, cache_seconds_of, open_blobs, store_of
from imgvec.types import Principal, within

P = ParamSpec("P")
T = TypeVar("T")

REACH_SECONDS: Final = 3.0
"""Time that a store has to answer a readiness check."""
TIDY_SECONDS: Final = 60.0
"""Between two removals of expired uploads."""
NOBODYS: Final = "0" * 64
"""An id that no key and no asset has."""
UNREACHABLE: Final = "A store cannot be reached, try again shortly"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Services:
    """Stores and accounts, which all routes need; the embedding service is separate."""

    settings: Settings
    store: Store
    blobs: BlobStore
    authenticator: Authenticator
    meter: IdempotentMeter
    assets: Assets
    in_flight: InFlight
    threads: StoreExecutor

    async def authenticate(self, keys: frozenset[str]) -> Principal:
        """The principal of the keys that were sent; looked up once for the same keys of a request.

        Raises:
            KeyInvalid: no key, several keys or a wrong one.
            KeyDisabled: the key is switched off.
            TooFast: the consumer's requests hold too many bytes.
        """
        body = body_of_request()
        if body is not None and body.judged is not None and body.judged[0] == keys:
            return body.judged[1]
        with stage("admit"):
            principal = await self.threads.run(self.authenticator.authenticate, keys)
        current().consumer = principal.consumer
        self.in_flight.claim(principal.consumer)
        if body is not None:
            body.judged = keys, principal
        return principal

    async def admit(self, keys: frozenset[str]) -> Principal:
        """The principal of the keys, for a request that works without embedding.

        Raises:
            KeyInvalid, KeyDisabled: as `authenticate`.
            TooFast: the plan's rate is exceeded.
        """
        principal = await self.authenticate(keys)
        self.authenticator.take_rate(principal)
        return principal

    async def admit_upload(self, asset_id: str, token: str) -> int:
        """Admit the bytes of a reserved upload; returns how many they may be.

        Raises:
            AssetNotFound: the asset is unknown, or the token is wrong, expired or spent.
            TooFast: the rate of the consumer who reserved it is exceeded, or its requests hold too
                many bytes.
        """
        with stage("admit"):
            asset = await self.call(self.assets.reserved, asset_id, token)
            plan = await self.call(self.store.plan_of, asset.consumer)
        current().consumer = asset.consumer
        self.in_flight.claim(asset.consumer)
        self.authenticator.take_rate(Principal(asset.consumer, "", plan))
        return within(plan, self.settings.max_image)

    async def tidy(self) -> None:
        """Remove uploads that were never finished, some each minute, until cancelled."""
        while True:
            await asyncio.sleep(TIDY_SECONDS)
            try:
                await self.call(self.assets.tidy)
            except (StoreError, TooFast) as problem:
                log.error("uploads that were never finished stay: %s", problem)

    async def call(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking call of a store in a thread."""
        return await self.threads.run(call, *args, **kwargs)

    async def check(self) -> None:
        """Check that the stores can be read.

        Raises:
            NotReady: one cannot be read, or not in time.
        """
        try:
            async with asyncio.timeout(REACH_SECONDS):
                await self.threads.run(self._reach)
        except StoreError as problem:
            log.error("not ready: %s", problem)
            raise NotReady(UNREACHABLE) from None
        except TimeoutError:
            log.error("not ready: a store has not answered for %d s", REACH_SECONDS)
            raise NotReady(UNREACHABLE) from None

    def close(self) -> None:
        """Finish running calls, end the threads and close the stores."""
        self.threads.close()
        self.store.close()

    def _reach(self) -> None:
        """Look up ids that do not exist; a store that throttles counts as reachable."""
        with suppress(TooFast):
            self.store.find_key(NOBODYS)
            self.blobs.read(NOBODYS)


def open_services(settings: Settings) -> Services:
    """Open the configured stores: DynamoDB and S3, or SQLite and a folder.

    Raises:
        StoreError: a store cannot be used.
    """
    store = store_of(settings)
    blobs, direct = open_blobs(settings)
    return Services(
        settings=settings,
        store=store,
        blobs=blobs,
        authenticator=Authenticator(store, cache_seconds=cache_seconds_of(settings)),
        meter=IdempotentMeter(store, window=settings.idempotency_hours * 3600),
        assets=Assets(
            store, blobs, max_bytes=settings.max_image, direct=direct, plan_of=store.plan_of
        ),
        in_flight=InFlight(settings.max_bodies),
        threads=StoreExecutor(),
    )
