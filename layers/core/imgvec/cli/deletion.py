"""Deletes a consumer in steps that may be repeated, so that a run ends what a killed one began.

mark, revoke keys -> wait for requests at work -> gateway, files, records, usage -> keys, name
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

from imgvec.accounts.authentication import TOUCH_SECONDS
from imgvec.accounts.deletion import kept_name
from imgvec.accounts.idempotency import IdempotentMeter
from imgvec.accounts.metering import RESERVED_SECONDS
from imgvec.accounts.ports import KeyRecord
from imgvec.accounts.registry import Registry
from imgvec.assets.service import Assets
from imgvec.aws.gateway_keys.identifiers import Identifiers
from imgvec.cli.export import ENDED
from imgvec.cli.options import say
from imgvec.cli.output import progress
from imgvec.errors import ConsumerError
from imgvec.stores import Store
from imgvec.types import Consumer, day_of

ALWAYS: Final = (date.min, date.max)


@dataclass(frozen=True, slots=True)
class Deleted:
    """Numbers of what a run has deleted, and the name under which usage is kept."""

    keys: int
    files: int
    records: int
    kept_as: str | None


@dataclass(frozen=True, slots=True)
class Deletion:
    """The deletion of consumers. Calls block."""

    store: Store
    files: Assets
    registry: Registry
    names: Identifiers | None
    """Names at the gateway of a stack."""
    cache_seconds: float
    """How long servers remember a key."""
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def run(self, consumer: Consumer, with_usage: bool) -> Deleted:
        """Delete a consumer, and with it its usage or not.

        Raises:
            ConsumerError: a bulk job of the consumer is at work.
            StoreError, StackError: a step has failed; a second run goes on from there.
        """
        name, store = consumer.name, self.store
        self.registry.note("consumers delete", name)
        kept_as = store.begin_deletion(name, kept_name(name, day_of(self.clock())))
        self._revoke_keys(name)
        self._wait_for_requests(name)
        self._wait_for_reservations(name)
        if self.names is not None:
            self.names.remove(name)
        files = self._purge_files(name)
        store.delete_sums(name)
        records = store.delete_records(name)
        if with_usage:
            # Also of a former run that was to keep it.
            store.delete_usage(kept_as)
            store.delete_usage(name)
        else:
            store.keep_usage(name, kept_as)
        keys = self._keys(name)
        for key in keys:
            store.delete_key(key.digest)
        kept = kept_as if store.usage(kept_as, *ALWAYS) else None
        # Before the end: without a consumer, no run would make this entry.
        self.registry.note(ENDED, f"{kept or 'all'} of {name}")
        store.end_deletion(name, kept)
        return Deleted(len(keys), files, records, kept)

    def _keys(self, consumer: str) -> list[KeyRecord]:
        return [key for key in self.store.list_keys() if key.consumer == consumer]

    def _revoke_keys(self, consumer: str) -> None:
        for key in self._keys(consumer):
            if key.revoked is None:
                self.registry.revoke_key(key.key_id)

    def _wait_for_requests(self, consumer: str) -> None:
        """Wait until requests that began with one of the keys have ended, or have reserved."""
        rest = max(map(self._quiet_from, self._keys(consumer)), default=0.0) - self.clock()
        if rest > 0:
            say(f"The keys are revoked. Waiting {rest:.0f} s for requests that are at work.")
            self.sleep(rest)

    def _quiet_from(self, key: KeyRecord) -> float:
        """The time at which the last request with a revoked key has ended."""
        if key.used is None or key.revoked is None:
            return 0.0
        last = key.revoked + self.cache_seconds
        if not self.cache_seconds:
            # The stored use may be older than the last one by as much.
            last = min(last, key.used + TOUCH_SECONDS)
        return last + RESERVED_SECONDS

    def _wait_for_reservations(self, consumer: str) -> None:
        """Release what the dead have reserved, and wait until nothing is reserved any more."""
        meter = IdempotentMeter(self.store, window=0, clock=self.clock)
        while True:
            meter.usage(consumer, *ALWAYS)
            left = self.store.expired_reservations(consumer, *ALWAYS, float("inf"))
            if not left:
                return
            seconds = max(one.expires for one in left) - self.clock()
            # Stored times are whole seconds. Only jobs reserve for longer than a request.
            if seconds > RESERVED_SECONDS + 1:
                raise ConsumerError(
                    f"A bulk job of {consumer} is at work: cancel it or wait for its end, and run "
                    f"this again in {seconds:.0f} s."
                )
            say(f"Waiting {seconds:.0f} s for images that are reserved.")
            self.sleep(seconds)

    def _purge_files(self, consumer: str) -> int:
        found = self.store.list_assets(consumer)
        with progress(iter(found), len(found), "Deleting") as each:
            for asset in each:
                self.files.purge(asset.asset_id)
        return len(found)
