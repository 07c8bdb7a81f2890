"""`Idempotency-Key`: a request that is sent again is answered again and counted once.

A wrapper around the meter, which itself knows nothing of it. A settled idempotency record keeps
the SHA-256 of the content and the encoder's revision, not the vector: a replay computes it again.
Other content or another revision is counted anew.

The record is settled before the reservation, so that after a crash between the two the record
says whether the units count.
"""

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Literal, TypeAlias

from imgvec.accounts.metering import LOST, RESERVED_SECONDS, Charge, Meter, short_name
from imgvec.accounts.ports import AccountStore, IdempotencyRecord, Label, Reservation
from imgvec.errors import BadParameter, TooFast
from imgvec.ids import base62
from imgvec.types import Allowance, Principal, RequestContext
from imgvec.undo import undone

_KEY: Final = re.compile(r'"?([A-Za-z0-9._:~+/=-]{1,128})"?')
MALFORMED: Final = "Idempotency-Key must be 1 to 128 letters, digits and characters of ._:~+/=-"
OTHER_REQUEST: Final = "This Idempotency-Key was sent with another request before"


Known: TypeAlias = Literal["new", "at work", "counted"]
"""The state of an `Idempotency-Key`: a key that has expired is new."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A request's lease of the idempotency record of its key."""

    record: IdempotencyRecord
    previous: IdempotencyRecord | None = None
    """The record that this one replaced, to be restored if the request fails."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """Units of one request; `reservation` is None for a replay, which costs nothing."""

    reservation: Reservation | None
    allowance: Allowance | None
    label: Label
    lease: Lease | None = None


class IdempotentMeter:
    """The meter, with idempotency records around it. Calls block and are thread-safe."""

    def __init__(
        self,
        store: AccountStore,
        *,
        window: float,
        reserved_seconds: float = RESERVED_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`window` is the life of an idempotency record in seconds."""
        self._recover = partial(recover, store)
        self._meter = Meter(
            store, recover=self._recover, reserved_seconds=reserved_seconds, clock=clock
        )
        self._store = store
        self._window = window
        self._clock = clock

        self.check_spent = self._meter.check_spent
        self.usage = self._meter.usage

    def check(self, principal: Principal, context: RequestContext) -> Known:
        """Look for the request of an `Idempotency-Key`, before any work.

        Raises:
            BadParameter: it is malformed, or was sent with another request before.
        """
        name = _record_name(context)
        found = None if name is None else self._store.find_record(principal.consumer, name)
        if found is None:
            return "new"
        self._compare(found, context)
        if found.settled:
            return "counted" if found.kept > self._clock() else "new"
        return "at work" if found.reservation.expires > self._clock() else "new"

    def reserve(self, charge: Charge) -> Ticket | None:
        """Reserve a request's units, all or none; None while the same request is in flight.

        Raises:
            QuotaExhausted: the quota has fewer left.
            BadParameter: the `Idempotency-Key` was sent with another request before.
        """
        principal, units = charge.principal, len(charge.digests)
        name = _record_name(charge.context)
        if name is None:
            once = short_name(charge.context.request_id)
            wanted = self._meter.reservation(principal.consumer, once, units)
            return Ticket(*self._meter.reserve(wanted, principal.plan), charge.label)
        attempt = f"{name}/{base62(6)}"
        wanted = self._meter.reservation(principal.consumer, attempt, units)
        mine = self._record(charge, name, wanted)
        found = self._store.find_record(principal.consumer, name)
        if found is not None:
            self._compare(found, charge.context)
            if found.settled and found.kept > self._clock() and _alike(found, mine):
                # Its process may have crashed between settling the record and the reservation.
                self._store.settle(found.reservation, found.label)
                return Ticket(None, self._meter.allowance(principal), charge.label)
        lease = self._lease(mine, found)
        if lease is None:
            return None
        with undone(partial(self._undo, lease)):
            granted, allowance = self._meter.reserve(wanted, principal.plan)
        return Ticket(granted, allowance, charge.label, lease)

    def settle(self, ticket: Ticket) -> None:
        """Count the reserved units. Only then may the request be answered.

        Raises:
            TooFast: the reservation has expired, or another request has taken over its record.
        """
        reservation, lease = ticket.reservation, ticket.lease
        if reservation is None:
            return
        if lease is None:
            self._meter.settle(reservation, ticket.label)
            return
        if not self._meter.in_time(reservation):
            self.release(ticket)
            raise TooFast(LOST)
        kept = self._clock() + self._window
        settled = replace(lease.record, reservation=reservation, settled=True, kept=kept)
        # A failed write may have succeeded: `_recover` reads the record.
        with undone(partial(self._recover, reservation)):
            if not self._store.replace_record(lease.record, settled):
                self._store.release(reservation)
                raise TooFast(LOST)
            # False means that a concurrent retry has settled it already.
            self._store.settle(reservation, ticket.label)

    def release(self, ticket: Ticket) -> None:
        """Release the reserved units, and restore the record as it was before."""
        if ticket.reservation is None:
            return
        try:
            self._meter.release(ticket.reservation)
        finally:
            # A reservation that stays expires by itself; a record that stays would block retries.
            if ticket.lease is not None:
                self._undo(ticket.lease)

    def _record(self, charge: Charge, name: str, wanted: Reservation) -> IdempotencyRecord:
        return IdempotencyRecord(
            name=name,
            fingerprint=charge.context.fingerprint,
            content=hashlib.sha256(b"".join(charge.digests)).hexdigest(),
            revision=charge.revision,
            reservation=wanted,
            label=charge.label,
            kept=self._clock() + self._window,
        )

    def _lease(self, mine: IdempotencyRecord, found: IdempotencyRecord | None) -> Lease | None:
        """Store my record in the place of the one that was found; None if another is in flight."""
        now = self._clock()
        if found is None:
            lease = Lease(mine)
            with undone(partial(self._undo, lease)):
                return lease if self._store.add_record(mine, now) else None
        if not found.settled and found.reservation.expires > now:
            return None
        lease = Lease(mine, previous=found if found.settled and found.kept > now else None)
        with undone(partial(self._undo, lease)):
            if not self._store.replace_record(found, mine):
                return None
            if not found.settled:
                # Its process has crashed, or will fail to settle because the record is replaced.
                self._store.release(found.reservation)
        return lease

    def _undo(self, lease: Lease) -> None:
        """Restore the state before the request; a record of another request stays."""
        if lease.previous is None:
            self._store.delete_record(lease.record)
        else:
            self._store.replace_record(lease.record, lease.previous)

    def _compare(self, found: IdempotencyRecord, context: RequestContext) -> None:
        if found.fingerprint != context.fingerprint and found.kept > self._clock():
            raise BadParameter(OTHER_REQUEST)


def recover(store: AccountStore, dead: Reservation) -> None:
    """Settle an expired reservation if its idempotency record is settled, else release it."""
    record = dead.record and store.find_record(dead.consumer, dead.record)
    if not record or record.reservation.id != dead.id:
        store.release(dead)
    elif record.settled:
        store.settle(dead, record.label)
    elif store.delete_record(record):
        store.release(dead)


def _record_name(context: RequestContext) -> str | None:
    """The name of the record of the client's key; None if it sent none.

    Raises:
        BadParameter: the key is malformed.
    """
    if context.idempotency_key is None:
        return None
    key = _KEY.fullmatch(context.idempotency_key.strip())
    if key is None:
        raise BadParameter(MALFORMED)
    return short_name(key[1])


def _alike(found: IdempotencyRecord, mine: IdempotencyRecord) -> bool:
    return (found.content, found.revision) == (mine.content, mine.revision)
