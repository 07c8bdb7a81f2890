"""Images that are encoded together: the same bits as alone, or not together."""

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import numpy as np
import pytest

from imgvec.encoders.onnx import OnnxEncoder
from imgvec.encoders.protocol import BatchEncoder, WantedImage
from imgvec.encoders.registry import shipped_folder
from imgvec.errors import InternalFault
from imgvec.flow.together import MOST, Together, keeps_bits
from imgvec.values import CLIP_GEOMETRY, Geometry, Pixels, Vector

SIDE = 8


@dataclass
class FakeEncoder:
    """Remembers the sizes of its batches."""

    name: str = "fake"
    revision: str = "0" * 64
    image_size: int = SIDE
    geometry: Geometry = CLIP_GEOMETRY
    embeds_text: bool = False
    image_tokens: int = 1
    dimensions: frozenset[int] = frozenset({2})
    batches: list[int] = field(default_factory=list)

    def encode_image(self, pixels: Pixels, dimensions: int) -> Vector:
        self.batches.append(1)
        return self.vector(pixels)

    def encode_text(self, text: str, dimensions: int) -> tuple[Vector, int]:
        raise NotImplementedError

    def encode_images(self, wanted: Sequence[WantedImage]) -> list[Vector | InternalFault]:
        self.batches.append(len(wanted))
        return [self.vector(pixels) for pixels, _ in wanted]

    def vector(self, pixels: Pixels) -> Vector:
        return np.array([pixels.mean(), 1], np.float32)


class ScaledByBatch(FakeEncoder):
    """As a graph with dynamic scales: one range for all that is in the batch."""

    def encode_images(self, wanted: Sequence[WantedImage]) -> list[Vector | InternalFault]:
        top = max(int(pixels.max()) for pixels, _ in wanted)
        own = [int(pixels.max()) for pixels, _ in wanted]
        return [
            self.vector(pixels) * np.float32(top / mine)
            for mine, (pixels, _) in zip(own, wanted, strict=True)
        ]


class Poisoned(FakeEncoder):
    """Breaks down with a black image, and all that is in the batch with it."""

    def vector(self, pixels: Pixels) -> Vector:
        if not pixels.any():
            raise MemoryError
        return super().vector(pixels)


class NoVector(FakeEncoder):
    """Has no vector for a black image, alone or in company."""

    def encode_image(self, pixels: Pixels, dimensions: int) -> Vector:
        if not pixels.any():
            raise InternalFault
        return super().encode_image(pixels, dimensions)

    def encode_images(self, wanted: Sequence[WantedImage]) -> list[Vector | InternalFault]:
        return [self.vector(one) if one.any() else InternalFault() for one, _ in wanted]


def grey(level: int, side: int = SIDE) -> Pixels:
    return np.full((side, side, 3), level, np.uint8)


def held(threads: Executor) -> threading.Event:
    """Keeps the only thread busy until it is set."""
    go = threading.Event()
    threads.submit(go.wait, 60)
    return go


def crowd(encoder: BatchEncoder, wanted: Sequence[WantedImage]) -> list[Future[Vector]]:
    """What becomes of images that all wait, once the encoder has been tried."""
    with ThreadPoolExecutor(1) as threads:
        together = Together(encoder, threads)
        go = held(threads)
        # Two that wait are what makes it try.
        tried = [together.submit(one) for one in wanted[:2]]
        go.set()
        wait(tried)
        go = held(threads)
        futures = [together.submit(one) for one in wanted]
        go.set()
    return futures


def test_what_waits_is_encoded_together() -> None:
    encoder = FakeEncoder()
    futures = crowd(encoder, [(grey(level), 2) for level in range(1, 10)])
    assert [future.result(0)[0] for future in futures] == list(range(1, 10))
    assert encoder.batches[-3:] == [MOST, MOST, 1]


def test_nobody_is_waited_for() -> None:
    encoder = FakeEncoder()
    with ThreadPoolExecutor(1) as threads:
        together = Together(encoder, threads)
        for level in (1, 2, 3):
            together.submit((grey(level), 2)).result(60)
    assert encoder.batches == [1, 1, 1]


def test_it_is_tried_behind_the_first_which_goes_alone() -> None:
    encoder = FakeEncoder()
    with ThreadPoolExecutor(1) as threads:
        together = Together(encoder, threads)
        go = held(threads)
        for level in (1, 2, 3):
            together.submit((grey(level), 2))
        go.set()
    assert (encoder.batches[0], max(encoder.batches[1:-1]), encoder.batches[-1]) == (1, MOST, 2)


@pytest.mark.parametrize("kind", [Poisoned, NoVector])
def test_one_that_fails_fails_alone(kind: type[FakeEncoder]) -> None:
    wanted = [(grey(level), 2) for level in (1, 2, 0, 4)]
    futures = crowd(kind(), wanted)
    assert [future.exception(0) is None for future in futures] == [True, True, False, True]
    assert [future.result(0)[0] for future in futures if not future.exception(0)] == [1, 2, 4]


def test_who_has_gone_is_not_computed() -> None:
    encoder = FakeEncoder()
    with ThreadPoolExecutor(1) as threads:
        together = Together(encoder, threads)
        go = held(threads)
        gone = together.submit((grey(1), 2))
        assert gone.cancel()
        go.set()
    assert encoder.batches == []


def test_scales_of_a_batch_are_noticed_and_images_go_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "imgvec")
    encoder = ScaledByBatch()
    futures = crowd(encoder, [(grey(level), 2) for level in (1, 200, 3, 4)])
    assert [future.result(0)[0] for future in futures] == [1, 200, 3, 4]
    assert "encoder=fake gives other bits in batches" in caplog.text


def test_the_shipped_encoder_keeps_its_bits() -> None:
    encoder = OnnxEncoder(shipped_folder() / "starter")
    assert keeps_bits(encoder, MOST)
    noise = np.random.default_rng(1)
    wanted = [
        (noise.integers(0, 256, (260, 260, 3), np.uint8), (512, 768, 1024)[place % 3])
        for place in range(2 * MOST)
    ]
    for (pixels, width), future in zip(wanted, crowd(encoder, wanted), strict=True):
        assert future.result(0).tobytes() == encoder.encode_image(pixels, width).tobytes()
