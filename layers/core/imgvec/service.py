"""The flow, in one place: dialect -> gate -> source -> pixels -> meter -> encoder -> dialect."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from imgvec.compute import Compute
from imgvec.consumers.allowance import tightest
from imgvec.consumers.charge import Charge
from imgvec.consumers.events import UsageEvent, reported
from imgvec.counted import counted
from imgvec.encoders.protocol import Encoder
from imgvec.encoders.registry import Encoders
from imgvec.errors import BadParameter, Overloaded
from imgvec.front import Front, Stores
from imgvec.images.configured import limits_of
from imgvec.images.decode import decode
from imgvec.images.fetch import Fetcher
from imgvec.record import current, stage
from imgvec.settings import Settings
from imgvec.values import (
    Attempt,
    Caller,
    Embedded,
    ImageSource,
    ImageWanted,
    Inline,
    Pixels,
    StoredAsset,
    TextWanted,
    Url,
    Vector,
    Wanted,
)

Encoded: TypeAlias = tuple[tuple[Vector, ...], int]
"""Vectors, and the tokens that were read for them."""


class Service(Front):
    """Embeds images and texts for callers that the gate admits.

    Fetching waits on the event loop, decoding and encoding have threads of their own.
    """

    def __init__(
        self, settings: Settings, stores: Stores, fetcher: Fetcher, encoders: Encoders
    ) -> None:
        """Start to compute."""
        super().__init__(settings, stores)
        self._meter = stores.meter
        self._fetcher = fetcher
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
        if attempt.idempotency_key is not None:
            await self.store(self._meter.check, caller, attempt)
        with reported(_event(caller, attempt, ask, encoder)) as event:
            current().usage = event
            rate = self.gate.permit(caller, ask.dimensions)
            contents = await self._contents(ask, caller)
            charge = Charge(caller, attempt, ask.dimensions, contents, encoder.revision)
            async with self._compute.turns.turn():
                encode = await self._prepared(ask, contents, encoder)
                async with counted(self, self._meter, charge) as ticket:
                    with stage("encode"):
                        vectors, tokens = await self._compute.run(encode)
            event.outcome = "replayed" if ticket.hold is None else "answered"
        allowance = tightest((rate, ticket.allowance))
        return Embedded(vectors, encoder.name, encoder.revision, ask.dimensions, tokens, allowance)

    @property
    def started(self) -> bool:
        """Whether a real inference has passed."""
        return self._compute.ready

    def overload(self) -> Overloaded | None:
        """Why one more request would not get a turn, if it would not."""
        turns = self._compute.turns
        return turns.refusal() if turns.full else None

    def close(self) -> None:
        """Finish what runs, end the threads and close the stores."""
        self._compute.close()
        super().close()

    async def _contents(self, ask: Wanted, caller: Caller) -> tuple[bytes, ...]:
        if isinstance(ask, TextWanted):
            return tuple(text.encode() for text in ask.texts)
        with stage("read"):
            return (await self._read(ask.source, caller),)

    async def _prepared(
        self, ask: Wanted, contents: tuple[bytes, ...], encoder: Encoder
    ) -> Callable[[], Encoded]:
        """What is left to be computed once the units are reserved: a bad image is free."""
        if isinstance(ask, TextWanted):
            return partial(_encode_texts, encoder, ask.texts, ask.dimensions)
        with stage("decode"):
            pixels = await self._compute.run(decode, contents[0], encoder.image_size, self._limits)
        return partial(_encode_image, encoder, pixels, ask.dimensions)

    async def _read(self, source: ImageSource, caller: Caller) -> bytes:
        match source:
            case Inline(data):
                return data
            case Url(url):
                return await self._fetcher.fetch(url)
            case StoredAsset(asset_id):
                return await self.store(self.assets.read, caller.consumer, asset_id)


def _event(caller: Caller, attempt: Attempt, ask: Wanted, encoder: Encoder) -> UsageEvent:
    units = 1 if isinstance(ask, ImageWanted) else len(ask.texts)
    return UsageEvent(caller.consumer, attempt.dialect, ask.dimensions, encoder.revision, units)


def _encode_image(encoder: Encoder, pixels: Pixels, dimensions: int) -> Encoded:
    return (encoder.encode_image(pixels, dimensions),), encoder.image_tokens


def _encode_texts(encoder: Encoder, texts: tuple[str, ...], dimensions: int) -> Encoded:
    """One text at a time, so that no vector depends on its batch-mates."""
    encoded = [encoder.encode_text(text, dimensions) for text in texts]
    return tuple(vector for vector, _ in encoded), sum(tokens for _, tokens in encoded)
