"""Where images are decoded and encoded: threads of their own, and the first inference."""

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import numpy as np

from imgvec.encoders.registry import Encoders
from imgvec.flow.turns import Turns
from imgvec.settings import Settings
from imgvec.values import Pixels

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger(__name__)


class Compute:
    """One thread for each core, so that decoding and encoding overlap and wait for no store.

    Twice as many requests have a turn, so that the threads have work while stores are waited for.
    """

    def __init__(self, encoders: Encoders, settings: Settings) -> None:
        """Start a first inference of each encoder, so that readiness is a fact and not a hope."""
        workers = settings.workers or max(1, (os.cpu_count() or 1) // settings.threads)
        self.turns = Turns(at_once=2 * workers, waiting=settings.queue)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="imgvec-compute")
        self._encoders = encoders
        self._first: Future[None] = self._threads.submit(_try_each, encoders)

    @property
    def ready(self) -> bool:
        """Whether a real inference has passed; whoever asks after one that failed starts another.

        An endpoint that slept at the start wakes later.
        """
        if not self._first.done():
            return False
        if self._first.exception() is None:
            return True
        self._first = self._threads.submit(_try_each, self._encoders)
        return False

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run what computes."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: call(*args, **kwargs))

    def close(self) -> None:
        """Finish what runs and end the threads."""
        self._threads.shutdown()


def _try_each(encoders: Encoders) -> None:
    for encoder in encoders:
        side = encoder.image_size
        pixels: Pixels = np.full((side, side, 3), 127, np.uint8)
        try:
            encoder.encode_image(pixels, max(encoder.dimensions))
        except Exception as fault:
            # The future keeps it: /ready stays 503, and this line says why.
            log.error("first inference failed encoder=%s %s", encoder.name, type(fault))
            raise
