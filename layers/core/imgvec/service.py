"""The flow, in one place: dialect -> gate -> source -> pixels -> meter -> encoder -> dialect."""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, ParamSpec, TypeVar

import numpy as np

from imgvec.consumers.allowance import tightest
from imgvec.consumers.charge import Charge, Ticket
from imgvec.consumers.events import UsageEvent, reported
from imgvec.encoders.protocol import Encoder
from imgvec.encoders.registry import Encoders
from imgvec.errors import BadParameter, TooFast
from imgvec.front import Front, Stores
from imgvec.images.decode import ImageLimits, decode
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
    Url,
    Vector,
    Wanted,
)

P = ParamSpec("P")
T = TypeVar("T")

TWIN_SECONDS: Final = 5.0
"""How long a request waits for one of the same `Idempotency-Key` that is at work."""
TWIN_POLL_SECONDS: Final = 0.05
log = logging.getLogger(__name__)


class Service(Front):
    """Embeds images and texts for callers that the gate admits.

    Fetching waits on the event loop. Decoding and encoding share one thread for each core, so
    that they overlap and none waits for a store.
    """

    def __init__(
        self, settings: Settings, stores: Stores, fetcher: Fetcher, encoders: Encoders
    ) -> None:
        """Start a first inference, so that readiness is a fact and not a hope."""
        super().__init__(settings, stores)
        self._meter = stores.meter
        self._fetcher = fetcher
        self._encoders = encoders
        self._limits = ImageLimits(
            max_bytes=settings.max_image,
            max_pixels=settings.max_pixels,
            max_frames=settings.max_frames,
        )
        workers = max(1, (os.cpu_count() or 1) // settings.threads)
        self._compute = ThreadPoolExecutor(workers, thread_name_prefix="imgvec-compute")
        self._first: Future[None] = self._compute.submit(self._first_inference)

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
            if isinstance(ask, ImageWanted):
                with stage("read"):
                    data = await self._read(ask.source, caller)
                with stage("decode"):
                    pixels = await self._run(decode, data, encoder.image_size, self._limits)
                contents: tuple[bytes, ...] = (data,)
                encode = partial(_encode_image, encoder, pixels, ask.dimensions)
            else:
                contents = tuple(text.encode() for text in ask.texts)
                encode = partial(_encode_texts, encoder, ask.texts, ask.dimensions)
            charge = Charge(caller, attempt, ask.dimensions, contents, encoder.revision)
            async with self._counted(charge) as ticket:
                with stage("encode"):
                    vectors, tokens = await self._run(encode)
            event.outcome = "replayed" if ticket.hold is None else "answered"
        allowance = tightest((rate, ticket.allowance))
        return Embedded(vectors, encoder.name, encoder.revision, ask.dimensions, tokens, allowance)

    @property
    def ready(self) -> bool:
        """Whether a real inference has passed."""
        return self._first.done() and self._first.exception() is None

    def close(self) -> None:
        """Finish what runs, end the threads and close the stores."""
        self._compute.shutdown()
        super().close()

    @asynccontextmanager
    async def _counted(self, charge: Charge) -> AsyncIterator[Ticket]:
        """Units reserved now: settled if what follows succeeds, given back if it does not."""
        with stage("reserve"):
            ticket = await self._reserve(charge)
        try:
            yield ticket
        except BaseException:
            # A request that was broken off is not counted either.
            await self.store(self._meter.release, ticket)
            raise
        with stage("settle"):
            await self.store(self._meter.settle, ticket)

    async def _reserve(self, charge: Charge) -> Ticket:
        deadline = time.monotonic() + TWIN_SECONDS
        while (ticket := await self.store(self._meter.reserve, charge)) is None:
            if time.monotonic() > deadline:
                raise TooFast("A request with this Idempotency-Key is at work")
            await asyncio.sleep(TWIN_POLL_SECONDS)
        return ticket

    async def _read(self, source: ImageSource, caller: Caller) -> bytes:
        match source:
            case Inline(data):
                return data
            case Url(url):
                return await self._fetcher.fetch(url)
            case StoredAsset(asset_id):
                return await self.store(self.assets.read, caller.consumer, asset_id)

    async def _run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._compute, lambda: call(*args, **kwargs))

    def _first_inference(self) -> None:
        for encoder in self._encoders:
            side = encoder.image_size
            pixels: Pixels = np.full((side, side, 3), 127, np.uint8)
            try:
                encoder.encode_image(pixels, max(encoder.dimensions))
            except Exception as fault:
                # The future keeps it: /ready stays 503, and this line says why.
                log.error("first inference failed encoder=%s %s", encoder.name, type(fault))
                raise


def _event(caller: Caller, attempt: Attempt, ask: Wanted, encoder: Encoder) -> UsageEvent:
    units = 1 if isinstance(ask, ImageWanted) else len(ask.texts)
    return UsageEvent(caller.consumer, attempt.dialect, ask.dimensions, encoder.revision, units)


def _encode_image(
    encoder: Encoder, pixels: Pixels, dimensions: int
) -> tuple[tuple[Vector, ...], int]:
    return (encoder.encode_image(pixels, dimensions),), encoder.image_tokens


def _encode_texts(
    encoder: Encoder, texts: tuple[str, ...], dimensions: int
) -> tuple[tuple[Vector, ...], int]:
    """One text at a time, so that no vector depends on its batch-mates."""
    encoded = [encoder.encode_text(text, dimensions) for text in texts]
    return tuple(vector for vector, _ in encoded), sum(tokens for _, tokens in encoded)
