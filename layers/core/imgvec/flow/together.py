"""Images that wait for a thread are encoded together, where that changes no bit of any vector.

A batch of four takes about four fifths of the time an image, but a graph whose scales or products
depend on the batch would give other vectors in other company. So the encoder is tried first, on the
machine that serves; until it has passed, and for good where it does not, each image goes alone.
"""

import logging
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from threading import Lock
from typing import Final, TypeAlias

import numpy as np

from imgvec.encoders.protocol import BatchEncoder, WantedImage
from imgvec.errors import InternalFault
from imgvec.values import Vector

MOST: Final = 4
"""Images of a batch; more gain nothing on a CPU, and the first would wait longer."""

Waiting: TypeAlias = tuple[WantedImage, Future[Vector]]

log = logging.getLogger(__name__)


class Together:
    """The images that wait for one encoder, and the threads that take them.

    Nobody is waited for: a thread that comes free takes what is there. So an image that comes while
    a thread is free goes alone.
    """

    def __init__(self, encoder: BatchEncoder, threads: Executor) -> None:
        """Nothing waits, and it is not known yet whether the encoder keeps its bits."""
        self._encoder = encoder
        self._threads = threads
        self._waiting: deque[Waiting] = deque()
        self._lock = Lock()
        self._most = 1
        self._tried = False

    def submit(self, wanted: WantedImage) -> Future[Vector]:
        """Embed an image, in whatever company; the future raises what `encode_image` raises."""
        future: Future[Vector] = Future()
        with self._lock:
            self._waiting.append((wanted, future))
        self._threads.submit(self._take)
        return future

    def _take(self) -> None:
        """Encode what waits, up to a batch; nothing, if others have taken it."""
        with self._lock:
            count = min(self._most, len(self._waiting))
            batch = [self._waiting.popleft() for _ in range(count)]
            try_now = bool(self._waiting) and not self._tried
            self._tried |= try_now
        batch = [one for one in batch if one[1].set_running_or_notify_cancel()]
        if batch:
            self._encode(batch)
        if try_now:
            self._try()

    def _encode(self, batch: Sequence[Waiting]) -> None:
        """Give each image its vector or its error; a batch that fails is encoded one by one."""
        try:
            results = encode_all(self._encoder, [wanted for wanted, _ in batch])
        except Exception as fault:
            if len(batch) == 1:
                batch[0][1].set_exception(fault)
                return
            log.error("a batch of %d failed: %s", len(batch), type(fault).__name__)
            for one in batch:
                self._encode([one])
            return
        for (_, future), result in zip(batch, results, strict=True):
            if isinstance(result, InternalFault):
                future.set_exception(result)
            else:
                future.set_result(result)

    def _try(self) -> None:
        if keeps_bits(self._encoder, MOST):
            self._most = MOST
        else:
            log.info("encoder=%s gives other bits in batches: images go alone", self._encoder.name)


def encode_all(
    encoder: BatchEncoder, wanted: Sequence[WantedImage]
) -> Sequence[Vector | InternalFault]:
    """Encode a batch; a batch of one as any single image."""
    if len(wanted) == 1:
        return [encoder.encode_image(*wanted[0])]
    return encoder.encode_images(wanted)


def keeps_bits(encoder: BatchEncoder, most: int) -> bool:
    """Whether vectors are the same bits alone and in every batch of up to `most`.

    The pictures are noise of unlike contrast, so that a range which is taken over the batch shows.
    """
    side, widths = encoder.image_size, sorted(encoder.dimensions)
    noise = np.random.default_rng(0)
    pictures = [noise.integers(0, 256 >> place, (side, side, 3), np.uint8) for place in range(most)]
    for count in range(2, most + 1):
        wanted = [
            (picture, widths[(count + place) % len(widths)])
            for place, picture in enumerate(pictures[:count])
        ]
        for one, result in zip(wanted, encoder.encode_images(wanted), strict=True):
            if isinstance(result, InternalFault):
                return False
            if not np.array_equal(result, encoder.encode_image(*one)):
                return False
    return True
