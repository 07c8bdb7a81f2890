"""The encoders of a serving process, each with its queues, on one accelerator."""

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Final, TypeAlias

import numpy as np

from imgvec.embedding.batcher import Batcher
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.encoders.protocol import WantedImage
from imgvec.errors import RequestError
from imgvec.settings import Settings
from imgvec.types import Pixels, Vector

WantedText: TypeAlias = tuple[str, int]
"""A text, and the dimensions of the space that it is wanted in."""
Counted: TypeAlias = tuple[Vector, int]
"""A vector, and the tokens that were read."""

SICK: Final = 3
"""So many inferences of one input in a row fail only where the accelerator has died."""


class Lane:
    """One encoder: images in batches, texts one by one.

    A float product may round otherwise in a batch of another size, and texts of other lengths would
    need padding: so a text is computed alone, and its vector never depends on its company.
    """

    def __init__(self, encoder: OnnxEncoder, executor: Executor, settings: Settings) -> None:
        """Make the queues."""
        self.encoder = encoder
        wait, queue = settings.batch_wait / 1000, settings.batch_queue
        self.images: Batcher[WantedImage, Vector] = Batcher(
            encoder.encode_images, executor, size=settings.batch_size, wait=wait, queue=queue
        )
        self.texts: Batcher[WantedText, Counted] = Batcher(
            self._encode_texts, executor, size=1, wait=0, queue=queue
        )

    def warm(self, batch_size: int) -> None:
        """Run the smallest and the largest batch, and a text.

        What a provider prepares for a shape, it prepares now and not within a request.

        Raises:
            RequestError: an inference gave no vector.
        """
        side, widest = self.encoder.image_size, max(self.encoder.dimensions)
        pixels: Pixels = np.full((side, side, 3), 127, np.uint8)
        for count in sorted({1, batch_size}):
            for result in self.encoder.encode_images([(pixels, widest)] * count):
                if isinstance(result, RequestError):
                    raise result
        if self.encoder.embeds_text:
            self.encoder.encode_text("", widest)

    def _encode_texts(self, wanted: Sequence[WantedText]) -> list[Counted | RequestError]:
        return [self.encoder.encode_text(text, dimensions) for text, dimensions in wanted]


class Engine:
    """All encoders of the process, found by revision."""

    def __init__(self, encoders: Iterable[OnnxEncoder], settings: Settings) -> None:
        """One thread computes: batches of one accelerator do not gain by overlapping."""
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="imgvec-accelerator")
        self._lanes = {
            encoder.revision: Lane(encoder, self._executor, settings) for encoder in encoders
        }
        for lane in self._lanes.values():
            lane.warm(settings.batch_size)

    def lane(self, revision: str) -> Lane | None:
        """The encoder of this revision, None where it is not served."""
        return self._lanes.get(revision)

    @property
    def healthy(self) -> bool:
        """Whether inferences pass; each of them has run once before anybody could ask."""
        return not any(
            batcher.failures >= SICK
            for lane in self._lanes.values()
            for batcher in (lane.images, lane.texts)
        )

    def close(self) -> None:
        """Finish running work and end the thread."""
        self._executor.shutdown()
