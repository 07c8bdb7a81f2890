"""Each image is counted exactly once: reserve before inference, then settle or release.

A unit is reserved after the image is decoded, so a bad image is free; it is settled before the
response is sent, so every answered image is counted. Reservations (`Hold`) of a crashed process
expire, and the next reader of the quota releases or settles them.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final

from imgvec.accounts.cache import Cache
from imgvec.accounts.charge import Charge, Ticket, Turn, quota_allowance, short_name
from imgvec.accounts.idempotency import Claims, claim_name
from imgvec.accounts.ports import AccountStore, Hold, Standing, UsageRow
from imgvec.errors import QuotaExhausted, TooFast
from imgvec.ids import base62
from imgvec.periods import day_of
from imgvec.types import UNLIMITED, Plan, Principal, Quota, RequestContext
from imgvec.undo import undone

HOLD_SECONDS: Final = 60.0
"""Life of a reservation: twice the longest request of the function (28 s)."""

MARGIN_SECONDS: Final = 5.0
"""A reservation is not settled in its last seconds: clocks may differ by as much."""

SPENT_SECONDS: Final = 30.0
"""Time for which a process caches that a quota is used up; a changed plan waits as long."""

LOST: Final = "The request took too long, try again"


@dataclass(frozen=True, slots=True)
class Spent:
    """A quota that had fewer than `units` left."""

    quota: Quota
    day: date
    units: int
    standing: Standing


class Meter:
    """Reserves, settles and releases. Calls block and are thread-safe."""

    def __init__(
        self,
        store: AccountStore,
        *,
        window: float,
        hold_seconds: float = HOLD_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`window` is the life of an idempotency record in seconds."""
        self._store = store
        self._claims = Claims(store, window, clock)
        self._hold_seconds = hold_seconds
        self._spent: Cache[Spent] = Cache(SPENT_SECONDS, clock)
        self._clock = clock

    def check(self, principal: Principal, context: RequestContext) -> bool:
        """Check an `Idempotency-Key` before any work; True if the request was sent before.

        Raises:
            BadParameter: it is malformed, or was sent with another request before.
        """
        return self._claims.check(principal, context)

    def check_spent(self, principal: Principal, units: int) -> None:
        """Reject units that lately exceeded the quota, from a cache and before any work.

        Raises:
            QuotaExhausted: this process has seen the quota used up, on this day and plan.
        """
        plan, known = principal.plan, self._spent.get(principal.consumer)
        if plan is None or known is None or units < known.units:
            return
        now = self._clock()
        if (known.quota, known.day) == (plan.held, day_of(now)):
            raise QuotaExhausted(allowance=quota_allowance(plan, known.standing, known.day, now))

    def reserve(self, charge: Charge) -> Ticket | None:
        """Reserve a request's units, all or none; None while the same request is in flight.

        Raises:
            QuotaExhausted: the quota has fewer left.
            BadParameter: the `Idempotency-Key` was sent with another request before.
        """
        hold = self._hold(charge)
        turn: Turn | None = None
        if hold.claim is not None:
            turn = self._claims.begin(charge, hold)
            if turn is None:
                return None
            if turn.replay:
                return self._replay(charge, turn)
        plan = charge.principal.plan
        with undone(partial(self._give_back, hold, turn)):
            granted, standing = self._take(hold, plan)
        allowance = quota_allowance(plan, standing, hold.day, self._clock())
        if granted is None:
            if turn is not None:
                self._claims.undo(turn)
            if plan is not None:
                spent = Spent(plan.held, hold.day, hold.units, standing)
                self._spent.put(hold.consumer, spent)
            raise QuotaExhausted(allowance=allowance)
        return Ticket(granted, charge.label, turn, allowance)

    def settle(self, ticket: Ticket) -> None:
        """Count the reserved units. Only then may the request be answered.

        Raises:
            TooFast: the reservation has expired, and its units may be reserved by others.
        """
        hold, turn = ticket.hold, ticket.turn
        if hold is None:
            return
        if self._clock() > hold.expires - min(MARGIN_SECONDS, self._hold_seconds / 2):
            self.release(ticket)
            raise TooFast(LOST)
        # A failed write may have succeeded: `_recover` reads the idempotency record, if any.
        with undone(partial(self._recover, hold)):
            if turn is None:
                if not self._store.settle(hold, ticket.label):
                    raise TooFast(LOST)
            elif self._claims.settle(turn, hold):
                # False means that a concurrent retry has settled it already.
                self._store.settle(hold, ticket.label)
            else:
                self._store.release(hold)
                raise TooFast(LOST)

    def release(self, ticket: Ticket) -> None:
        """Release the reserved units."""
        if ticket.hold is not None:
            self._give_back(ticket.hold, ticket.turn)

    def usage(self, consumer: str, since: date, until: date) -> Sequence[UsageRow]:
        """Answered images of these days, inclusive; recovers expired reservations first."""
        for hold in self._store.expired_holds(consumer, since, until, self._clock()):
            self._recover(hold)
        return self._store.usage(consumer, since, until)

    def _hold(self, charge: Charge) -> Hold:
        now = self._clock()
        name = claim_name(charge.context)
        if name is None:
            name = short_name(charge.context.request_id)
        else:
            name += "/" + base62(6)
        units = f"*{charge.units}" if charge.units > 1 else ""
        expires = math.ceil(now + self._hold_seconds)
        return Hold(charge.principal.consumer, name + units, day_of(now), expires)

    def _take(self, hold: Hold, plan: Plan | None) -> tuple[Hold | None, Standing]:
        quota = UNLIMITED if plan is None else plan.held
        granted, standing = self._store.reserve(hold, quota, self._clock())
        if standing.expired:
            for dead in standing.expired:
                self._recover(dead)
            # Reserving is idempotent: a granted reservation is not taken twice.
            granted, standing = self._store.reserve(hold, quota, self._clock())
        return granted, standing

    def _give_back(self, hold: Hold, turn: Turn | None) -> None:
        self._spent.drop(hold.consumer)
        try:
            self._store.release(hold)
        finally:
            # A reservation that stays expires by itself; a record that stays would block retries.
            if turn is not None:
                self._claims.undo(turn)

    def _recover(self, hold: Hold) -> None:
        """Settle an expired reservation if its idempotency record is settled, else release it."""
        claim = hold.claim and self._store.find_claim(hold.consumer, hold.claim)
        if not claim or claim.hold.hold_id != hold.hold_id:
            self._store.release(hold)
        elif claim.settled:
            self._store.settle(hold, claim.label)
        elif self._store.delete_claim(claim):
            self._store.release(hold)

    def _replay(self, charge: Charge, turn: Turn) -> Ticket:
        # The first process may have crashed between settling the record and the reservation.
        self._store.settle(turn.claim.hold, turn.claim.label)
        now = self._clock()
        plan, day = charge.principal.plan, day_of(now)
        standing = self._store.standing(charge.principal.consumer, day, now)
        allowance = quota_allowance(plan, standing, day, now)
        return Ticket(None, charge.label, turn, allowance)
