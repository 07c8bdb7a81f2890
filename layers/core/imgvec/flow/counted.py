"""Units that are taken before a computation and counted after it, without blocking the loop."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from imgvec.consumers.charge import Charge, Ticket
from imgvec.consumers.meter import Meter
from imgvec.errors import ImgvecError, TooFast
from imgvec.flow.front import Front
from imgvec.record import stage

TWIN_SECONDS: Final = 5.0
"""How long a request waits for one of the same `Idempotency-Key` that is at work."""
TWIN_POLL_SECONDS: Final = 0.05


@asynccontextmanager
async def counted(front: Front, meter: Meter, charge: Charge) -> AsyncIterator[Ticket]:
    """Units reserved now: settled if what follows succeeds, given back if it does not.

    Raises:
        RequestError: the units are not to be had, or not any more.
    """
    with stage("reserve"):
        ticket = await _reserve(front, meter, charge)
    try:
        yield ticket
    except BaseException:
        # A request that was broken off is not counted either.
        await front.store(meter.release, ticket)
        raise
    with stage("settle"):
        await front.store(meter.settle, ticket)


async def _reserve(front: Front, meter: Meter, charge: Charge) -> Ticket:
    deadline = time.monotonic() + TWIN_SECONDS
    while (ticket := await _reserve_once(front, meter, charge)) is None:
        if time.monotonic() > deadline:
            raise TooFast("A request with this Idempotency-Key is at work")
        await asyncio.sleep(TWIN_POLL_SECONDS)
    return ticket


async def _reserve_once(front: Front, meter: Meter, charge: Charge) -> Ticket | None:
    """Reserve; broken off meanwhile, give back what was reserved all the same."""
    reserving = asyncio.ensure_future(front.store(meter.reserve, charge))
    try:
        return await asyncio.shield(reserving)
    except asyncio.CancelledError:
        with suppress(ImgvecError):
            ticket = await reserving
            if ticket is not None:
                await front.store(meter.release, ticket)
        raise
