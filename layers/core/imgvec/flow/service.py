"""The flow, in one place: dialect -> gate -> source -> pixels -> meter -> encoder -> dialect."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, nullcontext
from functools import partial
from typing import Final

from imgvec.consumers.allowance import tightest
from imgvec.consumers.charge import Charge
from imgvec.consumers.events import UsageEvent, reported
from imgvec.encoders.protocol import Encoder
from imgvec.encoders.registry import Encoders
from imgvec.errors import BadParameter, Overloaded
from imgvec.flow.compute import Compute, Encoded
from imgvec.flow.counted import counted
from imgvec.flow.front import STORE_THREADS, Front, Stores
from imgvec.flow.turns import Turns
from imgvec.images.configured import Fetch, limits_of
from imgvec.images.decode import decode
from imgvec.record import current, stage
from imgvec.settings import Settings
from imgvec.values import (
    Attempt,
    Caller,
    Embedded,
    ImageWanted,
    Inline,
    StoredAsset,
    TextWanted,
    Url,
    Wanted,
)

FETCHES: Final = 32
"""Images that are fetched at the same time, each up to `IMGVEC_MAX_IMAGE`."""


class Service(Front):
    """Embeds images and texts for callers that the gate admits.

    Fetching waits on the event loop, decoding and encoding have threads of their own.
    """

    def __init__(
        self, settings: Settings, stores: Stores, fetch: Fetch, encoders: Encoders
    ) -> None:
        """Start to compute."""
        super().__init__(settings, stores)
        self._meter = stores.meter
        self._fetch = fetch
        self._fetches = Turns(FETCHES, settings.queue_seconds)
        self._reads = Turns(STORE_THREADS, settings.queue_seconds)
        self._encoders = encoders
        self._limits = limits_of(settings)
        self._compute = Compute(encoders, settings)

    async def embed(
        self, keys: frozenset[str], attempt: Attempt, wanted: Callable[[], Wanted]
    ) -> Embedded:
        """Answer one request.

        `wanted` reads what is to be embedded; it is called once the key is judged, so that a
        wrong key is told before a wrong parameter.

        Raises:
            RequestError: the outcome, for the dialect to put into its words.
        """
        with stage("admit"):
            caller = await self.admit(keys)
        ask = wanted()
        encoder = self._encoders.for_dimensions(ask.dimensions)
        if encoder is None:
            raise BadParameter
        keyed = attempt.idempotency_key is not None
        known = keyed and await self.store(self._meter.check, caller, attempt)
        with reported(_event(caller, attempt, ask, encoder)) as event:
            current().usage = event
            rate = self.gate.permit(caller, ask.dimensions)
            if not known:
                # A request that came before may be a replay, which costs no unit.
                self._meter.check_spent(caller, event.images)
            async with AsyncExitStack() as held:
                held.enter_context(self._compute.turns.place())
                contents = await self._contents(ask, caller, held)
                charge = Charge(caller, attempt, ask.dimensions, contents, encoder.revision)
                # In a function nobody waits, and each stage of a log line is paid for.
                with stage("wait") if self._compute.turns.busy else nullcontext():
                    await held.enter_async_context(self._compute.turns.turn())
                encode = await self._prepared(ask, contents, encoder)
                async with counted(self, self._meter, charge) as ticket:
                    with stage("encode"):
                        vectors, tokens = await encode()
            event.outcome = "replayed" if ticket.hold is None else "answered"
        allowance = tightest((rate, ticket.allowance))
        return Embedded(vectors, encoder.name, encoder.revision, ask.dimensions, tokens, allowance)

    async def started(self) -> bool:
        """Whether a real inference has passed."""
        return await self._compute.ready()

    def overload(self) -> Overloaded | None:
        """Why one more request would not get a place in line, if it would not."""
        return self._compute.turns.rejection()

    def close(self) -> None:
        """Finish what runs, end the threads and close the stores."""
        self._compute.close()
        super().close()

    async def _contents(
        self, ask: Wanted, caller: Caller, held: AsyncExitStack
    ) -> tuple[bytes, ...]:
        if isinstance(ask, TextWanted):
            return tuple(text.encode() for text in ask.texts)
        if isinstance(ask.source, Inline):
            # It is here already, and each stage of a log line is paid for.
            return (ask.source.data,)
        with stage("read"):
            return (await self._read(ask.source, caller, held),)

    async def _prepared(
        self, ask: Wanted, contents: tuple[bytes, ...], encoder: Encoder
    ) -> Callable[[], Awaitable[Encoded]]:
        """What is left to be computed once the units are reserved: a bad image is free."""
        if isinstance(ask, TextWanted):
            return partial(self._compute.encode_texts, encoder, ask.texts, ask.dimensions)
        with stage("decode"):
            pixels = await self._compute.run(decode, contents[0], encoder.image_size, self._limits)
        return partial(self._compute.encode_image, encoder, pixels, ask.dimensions)

    async def _read(self, source: Url | StoredAsset, caller: Caller, held: AsyncExitStack) -> bytes:
        """An image from elsewhere, whose bytes are `held` from now on.

        Until there is room for them the turn to read is kept, so that nothing more is read.
        """
        read: Callable[[], Awaitable[bytes]]
        match source:
            case Url(url):
                turns, read = self._fetches, partial(self._fetch, url)
            case StoredAsset(asset_id):
                turns = self._reads
                read = partial(self.store, self.assets.read, caller.consumer, asset_id)
        with turns.place():
            async with turns.turn():
                data = await read()
                await held.enter_async_context(self.traffic.holding(len(data)))
                return data


def _event(caller: Caller, attempt: Attempt, ask: Wanted, encoder: Encoder) -> UsageEvent:
    units = 1 if isinstance(ask, ImageWanted) else len(ask.texts)
    return UsageEvent(caller.consumer, attempt.dialect, ask.dimensions, encoder.revision, units)
