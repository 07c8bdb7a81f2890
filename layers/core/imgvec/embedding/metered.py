"""Plan, rate and units of a request, with the store's blocking calls off the event loop."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Final, Protocol

from imgvec.accounts.authentication import Authenticator
from imgvec.accounts.idempotency import IdempotentMeter, Ticket
from imgvec.accounts.metering import Charge
from imgvec.errors import ImgvecError, Overloaded, RequestError, TooFast
from imgvec.request_log import UsageEvent, current, reported, stage
from imgvec.stores import StoreExecutor
from imgvec.types import UNLIMITED, Allowance, Principal, RequestContext, tightest

CONCURRENT_SECONDS: Final = 5.0
"""Longest wait for a concurrent request with the same `Idempotency-Key`."""
CONCURRENT_POLL_SECONDS: Final = 0.05


class Counted(Protocol):
    """A request whose plan allows it."""

    allowance: Allowance | None
    """The rest of the tightest limit of the plan; None without a limit."""

    def decoded(self, seconds: float) -> None:
        """Note the processor time of a decode, in any thread; owed to the rate on failure."""

    def units(self, digests: Sequence[bytes]) -> AbstractAsyncContextManager[None]:
        """Reserve a unit for each digest; settle them if the block succeeds, else release them.

        Raises:
            RequestError: the quota is spent, or the reservation was lost.
        """


class Accounts(Protocol):
    """Limits and units of the principals of requests."""

    def request(self, charge: Charge, units: int) -> AbstractAsyncContextManager[Counted]:
        """Check a request against the plan before any work, and report its usage at the end.

        Wait here for a request at work that has the same `Idempotency-Key`.

        Raises:
            BadParameter: its `Idempotency-Key` is malformed, or was sent with another request.
            SpaceForbidden: the plan does not allow these dimensions.
            TooFast: the plan's rate is spent, or the other request is still at work.
            QuotaExhausted: the plan's quota has fewer units left.
        """


class NoAccounts:
    """Nothing is limited or counted: the command line."""

    allowance: Allowance | None = None

    @asynccontextmanager
    async def request(self, charge: Charge, units: int) -> AsyncIterator[Counted]:
        """Allow everything."""
        yield self

    def decoded(self, seconds: float) -> None:
        """Note nothing."""

    @asynccontextmanager
    async def units(self, digests: Sequence[bytes]) -> AsyncIterator[None]:
        """Count nothing."""
        yield


class StoredAccounts:
    """Accounts in a store."""

    def __init__(
        self, authenticator: Authenticator, meter: IdempotentMeter, stores: StoreExecutor
    ) -> None:
        """`stores` runs the blocking calls."""
        self._authenticator = authenticator
        self.meter = meter
        self.stores = stores
        self._at_work: set[tuple[str, str]] = set()
        """Consumers and keys of requests that may be the first of theirs."""

    @asynccontextmanager
    async def request(self, charge: Charge, units: int) -> AsyncIterator[Counted]:
        """As `Accounts.request`."""
        principal, context, dimensions = charge.principal, charge.context, charge.dimensions
        event = UsageEvent(principal.consumer, context.dialect, dimensions, charge.revision, units)
        current().usage = event
        with reported(event):
            # First of all: also a repeat, which costs no unit, makes work.
            rate = self._authenticator.authorize(principal, dimensions)
            async with self._turn(principal, context) as counted_before:
                if not counted_before and _has_quota(principal):
                    with stage("admit"):
                        await self.stores.run(self.meter.check_spent, principal, units)
                counted = _Reserving(self, charge, event, rate)
                try:
                    yield counted
                except (RequestError, asyncio.CancelledError) as error:
                    if not _is_ours(error):
                        counted.in_vain(partial(self._authenticator.owe_rate, principal))
                    raise

    @asynccontextmanager
    async def _turn(self, principal: Principal, context: RequestContext) -> AsyncIterator[bool]:
        """Wait until no request of the same key is at work; gives whether it was counted before.

        The record tells of requests that have reserved, also in other processes; before that, a
        request of this process stands in `_at_work`.
        """
        if context.idempotency_key is None:
            yield False
            return
        twins = (principal.consumer, context.idempotency_key)
        deadline = time.monotonic() + CONCURRENT_SECONDS
        while True:
            known = await self.stores.run(self.meter.check, principal, context)
            if known == "counted":
                yield True
                return
            if known == "new" and twins not in self._at_work:
                break
            await _pause(deadline)
        self._at_work.add(twins)
        try:
            yield False
        finally:
            self._at_work.remove(twins)


def _has_quota(principal: Principal) -> bool:
    return principal.plan is not None and principal.plan.held != UNLIMITED


def _is_ours(error: RequestError | asyncio.CancelledError) -> bool:
    """Whether it is our fault or load that the request's work was in vain."""
    return isinstance(error, Overloaded) or (
        isinstance(error, RequestError) and error.status >= 500
    )


async def _pause(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise TooFast("A request with this Idempotency-Key is at work")
    await asyncio.sleep(CONCURRENT_POLL_SECONDS)


class _Reserving:
    """A request's units, from their reservation to its response."""

    def __init__(
        self, accounts: StoredAccounts, charge: Charge, event: UsageEvent, rate: Allowance | None
    ) -> None:
        self._meter, self._stores = accounts.meter, accounts.stores
        self._charge = charge
        self._event = event
        self.allowance = rate
        self._decodes: list[float] = []
        self._owe: Callable[[float], None] | None = None

    def decoded(self, seconds: float) -> None:
        self._decodes.append(seconds)
        if self._owe is not None:
            self._owe(seconds)

    def in_vain(self, owe: Callable[[float], None]) -> None:
        """Owe the rate all decodes, also those that are still running: no thread can be stopped."""
        owe(sum(self._decodes))
        self._owe = owe

    @asynccontextmanager
    async def units(self, digests: Sequence[bytes]) -> AsyncIterator[None]:
        charge = replace(self._charge, digests=tuple(digests))
        with stage("reserve"):
            ticket = await self._reserve(charge)
        try:
            yield
        except BaseException:
            # Also on cancellation: a request is not counted if its client disconnects.
            await self._stores.run(self._meter.release, ticket)
            raise
        with stage("settle"):
            await self._stores.run(self._meter.settle, ticket)
        self._event.outcome = "replayed" if ticket.reservation is None else "answered"
        self.allowance = tightest((self.allowance, ticket.allowance))

    async def _reserve(self, charge: Charge) -> Ticket:
        # Of twins that began together, one has reserved since they looked.
        deadline = time.monotonic() + CONCURRENT_SECONDS
        while (ticket := await self._reserve_once(charge)) is None:
            await _pause(deadline)
        return ticket

    async def _reserve_once(self, charge: Charge) -> Ticket | None:
        """Reserve; if cancelled, release afterwards, because the store's thread still reserves."""
        reserving = asyncio.ensure_future(self._stores.run(self._meter.reserve, charge))
        try:
            return await asyncio.shield(reserving)
        except asyncio.CancelledError:
            with suppress(ImgvecError):
                ticket = await reserving
                if ticket is not None:
                    await self._stores.run(self._meter.release, ticket)
            raise
