"""Units reserved before an encode and counted after it, without blocking the event loop."""

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

TWIN_SECONDS: Final = 5.0
"""How long a request waits for another one of the same `Idempotency-Key` that is in flight."""
TWIN_POLL_SECONDS: Final = 0.05


class Accounts:
    """Limits and units of the principals that ask the service."""

    def __init__(self, gate: Gate, meter: Meter, stores: StoreExecutor) -> None:
        """Count nothing yet."""
        self._gate = gate
        self._meter = meter
        self._stores = stores

    async def check(self, principal: Principal, context: RequestContext) -> bool:
        """Judge an `Idempotency-Key` before any work; gives whether it was sent before.

        Raises:
            BadParameter: it is malformed, or was sent with another request before.
        """
        if context.idempotency_key is None:
            return False
        return await self._stores.run(self._meter.check, principal, context)

    def authorize(
        self, principal: Principal, dimensions: int, units: int, *, known: bool
    ) -> Allowance | None:
        """See that the plan allows a request now; gives the rest of the rate, if it has one.

        A `known` request may be a replay, which costs no unit.

        Raises:
            SpaceForbidden: the plan does not allow these dimensions.
            TooFast: the plan's rate is spent.
            QuotaExhausted: the plan's quota was seen to be used up.
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
            # A request whose client left is not counted either.
            await self._stores.run(self._meter.release, ticket)
            raise
        with stage("settle"):
            # Once begun it is finished, though the client may leave meanwhile.
            await asyncio.shield(self._stores.run(self._meter.settle, ticket))

    async def _reserve(self, charge: Charge) -> Ticket:
        deadline = time.monotonic() + TWIN_SECONDS
        while (ticket := await self._reserve_once(charge)) is None:
            if time.monotonic() > deadline:
                raise TooFast("A request with this Idempotency-Key is at work")
            await asyncio.sleep(TWIN_POLL_SECONDS)
        return ticket

    async def _reserve_once(self, charge: Charge) -> Ticket | None:
        """Reserve; if the client leaves meanwhile, release: the store's thread goes on anyway."""
        reserving = asyncio.ensure_future(self._stores.run(self._meter.reserve, charge))
        try:
            return await asyncio.shield(reserving)
        except asyncio.CancelledError:
            with suppress(ImgvecError):
                ticket = await reserving
                if ticket is not None:
                    await self._stores.run(self._meter.release, ticket)
            raise
