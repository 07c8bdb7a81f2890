"""Plan, rate and units of a request, with the store's blocking calls off the event loop."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from typing import Final, Protocol

from imgvec.accounts.authentication import Authenticator
from imgvec.accounts.idempotency import IdempotentMeter, Ticket
from imgvec.accounts.metering import Charge
from imgvec.accounts.usage import reported
from imgvec.errors import ImgvecError, TooFast
from imgvec.request_log import UsageEvent, current, stage
from imgvec.stores import StoreExecutor
from imgvec.types import Allowance, tightest

CONCURRENT_SECONDS: Final = 5.0
"""Longest wait for a concurrent request with the same `Idempotency-Key`."""
CONCURRENT_POLL_SECONDS: Final = 0.05


class Counted(Protocol):
    """A request whose plan allows it."""

    allowance: Allowance | None
    """The rest of the tightest limit of the plan; None without a limit."""

    def units(self, digests: Sequence[bytes]) -> AbstractAsyncContextManager[None]:
        """Reserve a unit for each digest; settle them if the block succeeds, else release them.

        Raises:
            RequestError: the quota is spent, or the reservation was lost.
        """


class Accounts(Protocol):
    """Limits and units of the principals of requests."""

    def request(self, charge: Charge, units: int) -> AbstractAsyncContextManager[Counted]:
        """Check a request against the plan before any work, and report its usage at the end.

        Raises:
            BadParameter: its `Idempotency-Key` is malformed, or was sent with another request.
            SpaceForbidden: the plan does not allow these dimensions.
            TooFast: the plan's rate is spent.
            QuotaExhausted: this process has seen that the plan's quota is used up.
        """


class NoAccounts:
    """Nothing is limited or counted: the command line."""

    allowance: Allowance | None = None

    @asynccontextmanager
    async def request(self, charge: Charge, units: int) -> AsyncIterator[Counted]:
        """Allow everything."""
        yield self

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

    @asynccontextmanager
    async def request(self, charge: Charge, units: int) -> AsyncIterator[Counted]:
        """As `Accounts.request`."""
        principal, context, dimensions = charge.principal, charge.context, charge.dimensions
        known = False
        if context.idempotency_key is not None:
            known = await self.stores.run(self.meter.check, principal, context)
        event = UsageEvent(principal.consumer, context.dialect, dimensions, charge.revision, units)
        current().usage = event
        with reported(event):
            rate = self._authenticator.authorize(principal, dimensions)
            if not known:
                # A request that is known may be a replay, which costs no unit.
                self.meter.check_spent(principal, units)
            yield _Reserving(self, charge, event, rate)


class _Reserving:
    """A request's units, from their reservation to its response."""

    def __init__(
        self, accounts: StoredAccounts, charge: Charge, event: UsageEvent, rate: Allowance | None
    ) -> None:
        self._meter, self._stores = accounts.meter, accounts.stores
        self._charge = charge
        self._event = event
        self.allowance = rate

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
        deadline = time.monotonic() + CONCURRENT_SECONDS
        while (ticket := await self._reserve_once(charge)) is None:
            if time.monotonic() > deadline:
                raise TooFast("A request with this Idempotency-Key is at work")
            await asyncio.sleep(CONCURRENT_POLL_SECONDS)
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
