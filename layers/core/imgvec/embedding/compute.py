"""Decodes and encodes in a thread pool, and runs the first inference for readiness."""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from typing import Final

import numpy as np

from imgvec.embedding.batcher import Batcher
from imgvec.embedding.fair import FairExecutor
from imgvec.embedding.limiter import Line
from imgvec.embedding.types import Embedding
from imgvec.encoders import BatchEncoder, Encoder, WantedImage
from imgvec.encoders.registry import Encoders
from imgvec.errors import InternalFault, RequestError
from imgvec.images.decode import decode, limits_of
from imgvec.images.formats import describe
from imgvec.request_log import spent
from imgvec.settings import Settings
from imgvec.types import Geometry, ImageFacts, Pixels, Vector

BATCH: Final = 4
"""Images of a batch; larger batches are not faster on a CPU and delay their first image."""
FIRST_SECONDS: Final = 2.0
"""Time that a readiness check waits for the first inference."""
POLL_SECONDS: Final = 0.02
HEIF: Final = b"ftyp"
"""At byte 4 of an AVIF or HEIC, which are decoded in a process of their own."""

log = logging.getLogger(__name__)


class Compute:
    """A thread pool for decoding and encoding, apart from the threads of the stores."""

    def __init__(self, encoders: Encoders, settings: Settings) -> None:
        """Start the first inference of each encoder, which readiness depends on."""
        workers = settings.workers or max(1, (os.cpu_count() or 1) // settings.threads)
        self.line = Line(workers, settings.queue_seconds)
        self._limits = limits_of(settings)
        self._executor = FairExecutor(workers, "imgvec-compute")
        self._encoders = encoders
        self._batchers: dict[str, Batcher[WantedImage, Vector]] = {
            encoder.name: Batcher(
                partial(self._encode_batch, encoder),
                self._executor,
                size=1,
                trial=partial(_batch_size, encoder),
            )
            for encoder in encoders
        }
        self._first: Future[None] = self._executor.submit("", self._try_each)

    async def ready(self) -> bool:
        """Whether the first inference has passed; after a failed one, start another.

        Wait up to `FIRST_SECONDS` for a running one, because a function gets its first request as
        soon as it is initialised. Retry, because an endpoint may have been scaled to zero.
        """
        deadline = time.monotonic() + FIRST_SECONDS
        while not self._first.done() and time.monotonic() < deadline:
            await asyncio.sleep(POLL_SECONDS)
        if not self._first.done():
            return False
        if self._first.exception() is None:
            return True
        self._first = self._executor.submit("", self._try_each)
        return False

    async def decode(
        self, encoder: Encoder, data: bytes, consumer: str, decoded: Callable[[float], None]
    ) -> Pixels:
        """Decode an image file to the encoder's input.

        `decoded` is called in the thread with the seconds that it took, also where it fails.

        Raises:
            TooLarge: a limit is passed.
            NotAnImage: it is not an image, or damaged.
        """
        waits, asked = self._executor.busy, time.perf_counter()
        began: list[float] = []

        def timed() -> Pixels:
            began.append(time.perf_counter())
            # A decoder in a process of its own takes none of the thread's time.
            clock = time.perf_counter if data[4:8] == HEIF else time.thread_time
            started = clock()
            try:
                return self._decode(data, encoder.image_size, encoder.geometry)
            finally:
                decoded(clock() - started)

        try:
            return await asyncio.wrap_future(self._executor.submit(consumer, timed))
        finally:
            ended = time.perf_counter()
            start = asked
            if waits:
                start = began[0] if began else ended
                spent("wait", start - asked)
            spent("decode", ended - start)

    async def describe(self, data: bytes, consumer: str) -> ImageFacts:
        """Format and size of an image file, by its header.

        Raises:
            RequestError: as `decode`.
        """
        job = partial(describe, data, self._limits.extra_formats)
        return await asyncio.wrap_future(self._executor.submit(consumer, job))

    async def encode_image(
        self, encoder: Encoder, pixels: Pixels, dimensions: int, consumer: str
    ) -> Embedding:
        """Embed an image, in a batch with others where that does not change its bits."""
        future = self._batchers[encoder.name].submit((pixels, dimensions), consumer)
        return Embedding(await asyncio.wrap_future(future), encoder.image_tokens)

    async def encode_text(
        self, encoder: Encoder, text: str, dimensions: int, consumer: str
    ) -> Embedding:
        """Embed a text alone: padding to the length of other texts would change its bits."""
        job = partial(self._encode_text, encoder, text, dimensions)
        return await asyncio.wrap_future(self._executor.submit(consumer, job))

    def close(self) -> None:
        """Finish running work and end the threads."""
        self._executor.close()

    def _decode(self, data: bytes, size: int, geometry: Geometry) -> Pixels:
        with self._measuring("decode"):
            return decode(data, size, self._limits, geometry)

    def _encode_text(self, encoder: Encoder, text: str, dimensions: int) -> Embedding:
        with self._measuring("encode"):
            vector, tokens = encoder.encode_text(text, dimensions)
            return Embedding(vector, tokens, tokens)

    def _encode_batch(
        self, encoder: Encoder, batch: Sequence[WantedImage]
    ) -> Sequence[Vector | RequestError]:
        with self._measuring("encode", len(batch)):
            if len(batch) > 1 and isinstance(encoder, BatchEncoder):
                return encoder.encode_images(batch)
            return [encoder.encode_image(pixels, dimensions) for pixels, dimensions in batch]

    def _try_each(self) -> None:
        for encoder in self._encoders:
            side = encoder.image_size
            pixels: Pixels = np.full((side, side, 3), 127, np.uint8)
            started = time.perf_counter()
            try:
                encoder.encode_image(pixels, max(encoder.dimensions))
            except Exception as fault:
                # The future keeps the exception, so /ready stays 503; only this line says why.
                log.error("first inference failed encoder=%s %s", encoder.name, type(fault))
                raise
            self.line.expect(time.perf_counter() - started)

    @contextmanager
    def _measuring(self, stage: str, parts: int = 1) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.line.measured(stage, (time.perf_counter() - started) / parts)


def _batch_size(encoder: Encoder) -> int:
    """The encoder's batch size: one where a batch would change the bits of a vector."""
    if not isinstance(encoder, BatchEncoder):
        return 1
    if keeps_bits(encoder, BATCH):
        return BATCH
    log.info("encoder=%s gives other bits in batches: images go alone", encoder.name)
    return 1


def keeps_bits(encoder: BatchEncoder, most: int) -> bool:
    """Whether vectors are the same bits alone and in every batch of up to `most`.

    The images are noise of different contrast, so that a quantisation range over the whole batch
    would change the result.
    """
    side, dimensions = encoder.image_size, sorted(encoder.dimensions)
    noise = np.random.default_rng(0)
    pictures = [noise.integers(0, 256 >> place, (side, side, 3), np.uint8) for place in range(most)]
    for count in range(2, most + 1):
        wanted = [
            (picture, dimensions[(count + place) % len(dimensions)])
            for place, picture in enumerate(pictures[:count])
        ]
        for one, result in zip(wanted, encoder.encode_images(wanted), strict=True):
            if isinstance(result, InternalFault):
                return False
            if not np.array_equal(result, encoder.encode_image(*one)):
                return False
    return True
