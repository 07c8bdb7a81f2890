"""Where images are decoded and encoded: threads of their own, and the first inference."""

import asyncio
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, ParamSpec, TypeAlias, TypeVar

import numpy as np

from imgvec.encoders.protocol import BatchEncoder, Encoder
from imgvec.encoders.registry import Encoders
from imgvec.flow.together import MOST, Together
from imgvec.flow.turns import Turns
from imgvec.settings import Settings
from imgvec.values import Pixels, Vector

FIRST_SECONDS: Final = 2.0
"""How long whoever asks for readiness waits for the first inference."""
POLL_SECONDS: Final = 0.02

P = ParamSpec("P")
T = TypeVar("T")

Encoded: TypeAlias = tuple[tuple[Vector, ...], int]
"""Vectors, and the tokens that were read for them."""

log = logging.getLogger(__name__)


class Compute:
    """One thread for each core, so that decoding and encoding overlap and wait for no store.

    More requests have a turn, so that the threads have work while stores are waited for, and find
    images that they can encode together.
    """

    def __init__(self, encoders: Encoders, settings: Settings) -> None:
        """Start a first inference of each encoder, so that readiness is a fact and not a hope."""
        workers = settings.workers or max(1, (os.cpu_count() or 1) // settings.threads)
        self.turns = Turns(MOST * workers, settings.queue_seconds)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="imgvec-compute")
        self._encoders = encoders
        self._together = {
            encoder.name: Together(encoder, self._threads)
            for encoder in encoders
            if isinstance(encoder, BatchEncoder)
        }
        self._first = self._try()

    async def ready(self) -> bool:
        """Whether a real inference has passed; whoever asks after one that failed starts another.

        An endpoint that slept at the start wakes later. One that is under way is waited for, a
        little: a function is asked in the moment in which it is made.
        """
        deadline = time.monotonic() + FIRST_SECONDS
        while not self._first.done() and time.monotonic() < deadline:
            await asyncio.sleep(POLL_SECONDS)
        if not self._first.done():
            return False
        if self._first.exception() is None:
            return True
        self._first = self._try()
        return False

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run what computes."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: call(*args, **kwargs))

    async def encode_image(self, encoder: Encoder, pixels: Pixels, dimensions: int) -> Encoded:
        """Embed an image, together with others that wait where the encoder can take several."""
        together = self._together.get(encoder.name)
        if together is None:
            vector = await self.run(encoder.encode_image, pixels, dimensions)
        else:
            vector = await asyncio.wrap_future(together.submit((pixels, dimensions)))
        return (vector,), encoder.image_tokens

    async def encode_texts(
        self, encoder: Encoder, texts: tuple[str, ...], dimensions: int
    ) -> Encoded:
        """Embed one text at a time, so that no vector depends on its batch-mates or on padding."""
        encoded = await self.run(_each, encoder, texts, dimensions)
        return tuple(vector for vector, _ in encoded), sum(tokens for _, tokens in encoded)

    def close(self) -> None:
        """Finish what runs and end the threads."""
        self._threads.shutdown()

    def _try(self) -> Future[float]:
        first = self._threads.submit(_try_each, self._encoders)
        first.add_done_callback(self._learn)
        return first

    def _learn(self, first: Future[float]) -> None:
        """Estimate the first waits by the first inference: `MOST` turns share a thread."""
        if first.exception() is None:
            self.turns.expect(MOST * first.result())


def _each(encoder: Encoder, texts: tuple[str, ...], dimensions: int) -> list[tuple[Vector, int]]:
    return [encoder.encode_text(text, dimensions) for text in texts]


def _try_each(encoders: Encoders) -> float:
    """Run an inference of each encoder; gives the seconds that the slowest took."""
    slowest = 0.0
    for encoder in encoders:
        started = time.monotonic()
        side = encoder.image_size
        pixels: Pixels = np.full((side, side, 3), 127, np.uint8)
        try:
            encoder.encode_image(pixels, max(encoder.dimensions))
        except Exception as fault:
            # The future keeps it: /ready stays 503, and this line says why.
            log.error("first inference failed encoder=%s %s", encoder.name, type(fault))
            raise
        slowest = max(slowest, time.monotonic() - started)
    return slowest
