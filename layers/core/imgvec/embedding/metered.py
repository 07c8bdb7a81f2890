"""Reserves units before an encode and settles them after it, off the event loop."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from imgvec.accounts.authentication import Gate
from imgvec.accounts.charge import Charge, Ticket
from imgvec.accounts.metering import Meter
from imgvec.errors import ImgvecError, TooFast
from imgvec.request_log import stage
from imgvec.stores import StoreExecutor
from imgvec.types import Allowance, Principal, RequestContext

CONCURRENT_SECONDS: Final = 5.0
"""Longest wait for a concurrent request with the same `Idempotency-Key`."""
CONCURRENT_POLL_SECONDS: Final = 0.05


class Accounts:
    """Limits and units of the principals of requests."""

    def __init__(self, gate: Gate, meter: Meter, stores: StoreExecutor) -> None:
        """`stores` runs the blocking calls."""
        self._gate = gate
        self._meter = meter
        self._stores = stores

    async def check(self, principal: Principal, context: RequestContext) -> bool:
        """Check an `Idempotency-Key` before any work; True if the request was sent before.

        Raises:
            BadParameter: it is malformed, or was sent with another request before.
        """
        if context.idempotency_key is None:
            return False
        return await self._stores.run(self._meter.check, principal, context)

    def authorize(
        self, principal: Principal, dimensions: int, units: int, *, known: bool
    ) -> Allowance | None:
        """Check that the plan allows a request now; returns the rest of its rate, if it has one.

        A `known` request may be a replay, which costs no unit.

        Raises:
            SpaceForbidden: the plan does not allow these dimensions.
            TooFast: the plan's rate is spent.
            QuotaExhausted: this process has seen that the plan's quota is used up.
        """
        rate = self._gate.permit(principal, dimensions)
        if not known:
            self._meter.check_spent(principal, units)
        return rate

    @asynccontextmanager
    async def units(self, charge: Charge) -> AsyncIterator[Ticket]:
        """Reserve units; settle them if the block succeeds, release them if it fails.

        Raises:
            RequestError: the quota is spent, or the reservation was lost.
        """
        with stage("reserve"):
            ticket = await self._reserve(charge)
        try:
            yield ticket
        except BaseException:
            # Also on cancellation: a request is not counted if its client disconnects.
            await self._stores.run(self._meter.release, ticket)
            raise
        with stage("settle"):
            await self._stores.run(self._meter.settle, ticket)

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
