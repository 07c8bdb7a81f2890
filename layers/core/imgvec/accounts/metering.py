"""Each image is counted exactly once: reserve before inference, then settle or release.

A unit is reserved after the image is decoded, so a bad image is free; it is settled before the
response is sent, so every answered image is counted. Reservations of a crashed process expire, and
the next reader of the quota recovers them.
"""

import base64
import hashlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final

from imgvec.accounts.cache import Cache
from imgvec.accounts.ports import AccountStore, Label, QuotaUsage, Reservation, UsageRow
from imgvec.accounts.prices import tariff_of
from imgvec.errors import QuotaExhausted, TooFast
from imgvec.types import (
    UNLIMITED,
    Allowance,
    Plan,
    Principal,
    Quota,
    RequestContext,
    day_of,
    end_of,
    month_last,
    tightest,
)
from imgvec.undo import undone

RESERVED_SECONDS: Final = 60.0
"""Life of a reservation: twice the longest request of the function (28 s)."""

MARGIN_SECONDS: Final = 5.0
"""A reservation is not settled in its last seconds: clocks may differ by as much."""

SPENT_SECONDS: Final = 30.0
"""Time for which a process caches that a quota is used up; a changed plan waits as long."""

LOST: Final = "The request took too long, try again"


@dataclass(frozen=True, slots=True)
class Charge:
    """A request whose units are to be counted."""

    principal: Principal
    context: RequestContext
    dimensions: int
    revision: str
    digests: tuple[bytes, ...] = ()
    """SHA-256 of the content of each unit, an image or a text; empty bytes without an
    `Idempotency-Key`."""

    @property
    def label(self) -> Label:
        """The label of the units in the usage report."""
        caller = self.principal
        return Label(caller.key_id, self.context.dialect, self.dimensions, tariff_of(caller.plan))


@dataclass(frozen=True, slots=True)
class Spent:
    """A quota that had fewer than `units` left."""

    quota: Quota
    day: date
    units: int
    usage: QuotaUsage


class Meter:
    """Reserves, settles and releases. Calls block and are thread-safe."""

    def __init__(
        self,
        store: AccountStore,
        *,
        recover: Callable[[Reservation], object] | None = None,
        reserved_seconds: float = RESERVED_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`recover` settles or releases an expired reservation; it is released by default."""
        self._store = store
        self._recover = recover or store.release
        self._reserved_seconds = reserved_seconds
        self._spent: Cache[Spent] = Cache(SPENT_SECONDS, clock)
        self._clock = clock

    def check_spent(self, principal: Principal, units: int) -> None:
        """Reject units that the quota does not have, by a read of the store and before any work.

        Nothing is read without an enforced quota, nor where this process has lately seen it spent.

        Raises:
            QuotaExhausted: the quota has fewer left.
        """
        plan, consumer = principal.plan, principal.consumer
        if plan is None or plan.held == UNLIMITED:
            return
        now = self._clock()
        day, known = day_of(now), self._spent.get(consumer)
        if known and units >= known.units and (known.quota, known.day) == (plan.held, day):
            raise QuotaExhausted(allowance=_allowance(plan, known.usage, day, now))
        usage = self._store.quota_usage(consumer, day, now)
        if usage.expired and not _fits(plan.held, usage, units):
            for dead in usage.expired:
                self._recover(dead)
            usage = self._store.quota_usage(consumer, day, now)
        if not _fits(plan.held, usage, units):
            self._spent.put(consumer, Spent(plan.held, day, units, usage))
            raise QuotaExhausted(allowance=_allowance(plan, usage, day, now))

    def reservation(self, consumer: str, name: str, units: int) -> Reservation:
        """A reservation of today, not taken yet."""
        now = self._clock()
        name += f"*{units}" if units > 1 else ""
        expires = math.ceil(now + self._reserved_seconds)
        return Reservation(consumer, name, day_of(now), expires)

    def reserve(
        self, wanted: Reservation, plan: Plan | None
    ) -> tuple[Reservation, Allowance | None]:
        """Take a reservation's units, all or none; returns it as stored and the rest of the quota.

        Raises:
            QuotaExhausted: the quota has fewer left.
        """
        with undone(partial(self.release, wanted)):
            granted, usage = self._take(wanted, UNLIMITED if plan is None else plan.held)
        allowance = _allowance(plan, usage, wanted.day, self._clock())
        if granted is None:
            if plan is not None:
                spent = Spent(plan.held, wanted.day, wanted.units, usage)
                self._spent.put(wanted.consumer, spent)
            raise QuotaExhausted(allowance=allowance)
        return granted, allowance

    def in_time(self, reservation: Reservation) -> bool:
        """Whether a reservation may still be settled."""
        margin = min(MARGIN_SECONDS, self._reserved_seconds / 2)
        return self._clock() <= reservation.expires - margin

    def settle(self, reservation: Reservation, label: Label) -> None:
        """Count the reserved units. Only then may the request be answered.

        Raises:
            TooFast: the reservation has expired, and its units may be reserved by others.
        """
        if not self.in_time(reservation):
            self.release(reservation)
            raise TooFast(LOST)
        # A failed write may have succeeded.
        with undone(partial(self._recover, reservation)):
            if not self._store.settle(reservation, label):
                raise TooFast(LOST)

    def release(self, reservation: Reservation) -> None:
        """Release the reserved units."""
        self._spent.drop(reservation.consumer)
        self._store.release(reservation)

    def allowance(self, principal: Principal) -> Allowance | None:
        """The rest of the principal's quota; None without one."""
        now = self._clock()
        day = day_of(now)
        usage = self._store.quota_usage(principal.consumer, day, now)
        return _allowance(principal.plan, usage, day, now)

    def usage(self, consumer: str, since: date, until: date) -> Sequence[UsageRow]:
        """Answered images of these days, inclusive; recovers expired reservations first."""
        for dead in self._store.expired_reservations(consumer, since, until, self._clock()):
            self._recover(dead)
        return self._store.usage(consumer, since, until)

    def _take(self, wanted: Reservation, quota: Quota) -> tuple[Reservation | None, QuotaUsage]:
        granted, usage = self._store.reserve(wanted, quota, self._clock())
        if usage.expired:
            for dead in usage.expired:
                self._recover(dead)
            # Reserving is idempotent: a granted reservation is not taken twice.
            granted, usage = self._store.reserve(wanted, quota, self._clock())
        return granted, usage


def _fits(quota: Quota, usage: QuotaUsage, units: int) -> bool:
    return quota.allows(usage.day + units, usage.month + units)


def short_name(text: str) -> str:
    """16 characters (96 bits of SHA-256) that stand for a longer id in a reservation's id."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:12]).decode()


def _allowance(plan: Plan | None, usage: QuotaUsage, day: date, now: float) -> Allowance | None:
    """The rest of the plan's daily or monthly quota, the smaller one; None without a quota."""
    if plan is None:
        return None
    return tightest(
        Allowance(limit, max(0, limit - taken), math.ceil(end_of(last) - now))
        for limit, taken, last in (
            (plan.quota.daily, usage.day, day),
            (plan.quota.monthly, usage.month, month_last(day)),
        )
        if limit is not None
    )
