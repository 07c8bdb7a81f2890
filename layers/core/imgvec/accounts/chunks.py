"""Counts the images of a bulk job's chunk exactly once, however many attempts it takes.

A chunk has one idempotency record. It names the reservation of the attempt that began last, and
changes only by comparison. An attempt that takes it over releases the reservation that it named. An
attempt counts by settling the record, and then the reservation that the record names. So the
chunk is counted once: of two attempts at the same time, or after a crash between any two writes.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from imgvec.accounts.idempotency import recover
from imgvec.accounts.metering import Charge, Meter, short_name
from imgvec.accounts.ports import AccountStore, IdempotencyRecord, Reservation
from imgvec.errors import TooFast
from imgvec.ids import base62
from imgvec.types import Plan
from imgvec.undo import undone

CHUNK_SECONDS: Final = 1000.0
"""Life of a reservation: longer than the longest run of the function (900 s)."""
JOB_SECONDS: Final = 30 * 24 * 3600.0
"""Life of a record, and so of a job: a chunk without a record is counted."""
ROUNDS: Final = 8
"""Most attempts to take a record over while others do the same."""


@dataclass(frozen=True, slots=True)
class Hold:
    """The units of one attempt, and the record that names them."""

    record: IdempotencyRecord
    reservation: Reservation


class ChunkMeter:
    """Reserves and counts the images of chunks. Calls block and are thread-safe.

    The chunk's name is the request's id of a `Charge`, the same for all attempts.
    """

    def __init__(self, store: AccountStore, *, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives seconds since the epoch."""
        self._meter = Meter(
            store, recover=partial(recover, store), reserved_seconds=CHUNK_SECONDS, clock=clock
        )
        self._store = store
        self._clock = clock
        self.check_spent = self._meter.check_spent

    def begin(self, charge: Charge, units: int) -> Hold | None:
        """Reserve a chunk's units, all or none; None where the chunk is counted already.

        Raises:
            QuotaExhausted: the quota has fewer left.
            TooFast: too many attempts are at work.
        """
        return self._take(charge, units, charge.principal.plan)

    def count(self, hold: Hold) -> bool:
        """Count the units, whose part this attempt has written; False if another took over."""
        settled = replace(hold.record, reservation=hold.reservation, settled=True)
        if not self._store.replace_record(hold.record, settled):
            self._store.release(hold.reservation)
            return False
        self._store.settle(hold.reservation, hold.record.label)
        return True

    def finish(self, charge: Charge, units: int) -> None:
        """Count a chunk whose part is written, unless it is counted already.

        The quota rejects nothing here: the vectors can be had.

        Raises:
            TooFast: too many attempts are at work.
        """
        for _ in range(ROUNDS):
            hold = self._take(charge, units, None)
            if hold is None or self.count(hold):
                return
        raise TooFast

    def release(self, hold: Hold) -> None:
        """Release the units of an attempt that has failed."""
        try:
            self._store.delete_record(hold.record)
        finally:
            self._meter.release(hold.reservation)

    def _take(self, charge: Charge, units: int, plan: Plan | None) -> Hold | None:
        consumer, name = charge.principal.consumer, short_name(charge.context.request_id)
        for _ in range(ROUNDS):
            found = self._store.find_record(consumer, name)
            if found is not None and found.settled:
                # Its process may have crashed between settling the record and the reservation.
                self._store.settle(found.reservation, found.label)
                return None
            # A name of its own: only then does a release concern this attempt alone.
            wanted = self._meter.reservation(consumer, f"{name}/{base62(6)}", units)
            mine = self._record(charge, name, wanted)
            if not self._replace(found, mine):
                continue
            with undone(partial(self._store.delete_record, mine)):
                granted, _ = self._meter.reserve(wanted, plan)
            return Hold(mine, granted)
        raise TooFast

    def _replace(self, found: IdempotencyRecord | None, mine: IdempotencyRecord) -> bool:
        if found is None:
            return self._store.add_record(mine, self._clock())
        if not self._store.replace_record(found, mine):
            return False
        self._store.release(found.reservation)
        return True

    def _record(self, charge: Charge, name: str, wanted: Reservation) -> IdempotencyRecord:
        return IdempotencyRecord(
            name=name,
            fingerprint=charge.context.fingerprint,
            content="",
            revision=charge.revision,
            reservation=wanted,
            label=charge.label,
            kept=self._clock() + JOB_SECONDS,
        )
