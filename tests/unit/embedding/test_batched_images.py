"""Images in batches: the same bits as alone, or each alone."""

import asyncio
import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from imgvec.embedding.compute import BATCH, Compute, keeps_bits
from imgvec.encoders import TextLimit, WantedImage
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.encoders.registry import Encoders, shipped_folder
from imgvec.errors import InternalFault
from imgvec.settings import Settings
from imgvec.types import CLIP_GEOMETRY, Geometry, Pixels, Vector

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
    preferred: int = 2
    composed: frozenset[int] = frozenset()
    scales: Mapping[int, float] = field(default_factory=dict)
    text_limit: TextLimit = field(default_factory=TextLimit)
    batches: list[int] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def encode_image(self, pixels: Pixels, dimensions: int) -> Vector:
        self.gate.wait(60)
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


class HeldStarter(OnnxEncoder):
    """The encoder that ships, behind a gate."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.gate = threading.Event()
        self.gate.set()

    def encode_image(self, pixels: Pixels, dimensions: int) -> Vector:
        self.gate.wait(60)
        return super().encode_image(pixels, dimensions)


def grey(level: int, side: int = SIDE) -> Pixels:
    return np.full((side, side, 3), level, np.uint8)


async def together(
    encoder: FakeEncoder | HeldStarter, compute: Compute, wanted: Sequence[WantedImage]
) -> list[Vector | BaseException]:
    """Results of images that all wait for the only thread."""
    encoder.gate.clear()
    tasks = []
    for pixels, dimensions in wanted:
        job = compute.encode_image(encoder, pixels, dimensions, "consumer")
        tasks.append(asyncio.create_task(job))
        # The first one has the thread when the others come.
        await asyncio.sleep(0.05 if len(tasks) == 1 else 0)
    encoder.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    return [one if isinstance(one, BaseException) else one.vector for one in results]


def crowd(
    encoder: FakeEncoder | HeldStarter, wanted: Sequence[WantedImage]
) -> list[Vector | BaseException]:
    """The same, after the encoder has been tried with batches."""

    async def scenario() -> list[Vector | BaseException]:
        compute = Compute(Encoders((encoder,)), Settings(workers=1))
        try:
            while not await compute.ready():
                pass
            await together(encoder, compute, wanted[:3])
            return await together(encoder, compute, wanted)
        finally:
            compute.close()

    return asyncio.run(scenario())


def first_values(results: Sequence[Vector | BaseException]) -> list[float]:
    """The first number of each vector."""
    return [float(one[0]) for one in results if not isinstance(one, BaseException)]


def test_images_that_wait_share_a_batch() -> None:
    encoder = FakeEncoder()
    results = crowd(encoder, [(grey(level), 2) for level in range(1, 11)])
    assert first_values(results) == list(range(1, 11))
    assert encoder.batches[-4:] == [1, BATCH, BATCH, 1]


def test_an_image_that_finds_a_free_thread_goes_alone() -> None:
    encoder = FakeEncoder()

    async def scenario() -> None:
        compute = Compute(Encoders((encoder,)), Settings(workers=1))
        for level in (1, 2, 3):
            await compute.encode_image(encoder, grey(level), 2, "consumer")
        compute.close()

    asyncio.run(scenario())
    assert encoder.batches == [1, 1, 1, 1], "the first one is the process's own"


@pytest.mark.parametrize("kind", [Poisoned, NoVector])
def test_an_image_that_fails_fails_alone(kind: type[FakeEncoder]) -> None:
    results = crowd(kind(), [(grey(level), 2) for level in (9, 1, 2, 0, 4)])
    assert [isinstance(one, BaseException) for one in results] == [False] * 3 + [True, False]
    assert first_values(results) == [9, 1, 2, 4]


def test_scales_of_a_batch_are_noticed_and_images_go_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "imgvec")
    results = crowd(ScaledByBatch(), [(grey(level), 2) for level in (1, 200, 3, 4)])
    assert first_values(results) == [1, 200, 3, 4]
    assert "encoder=fake gives other bits in batches" in caplog.text


def test_the_shipped_encoder_keeps_its_bits() -> None:
    encoder = HeldStarter(shipped_folder() / "starter")
    assert keeps_bits(encoder, BATCH)
    noise = np.random.default_rng(1)
    wanted = [
        (noise.integers(0, 256, (260, 260, 3), np.uint8), (512, 768, 1024)[place % 3])
        for place in range(2 * BATCH + 1)
    ]
    for (pixels, width), vector in zip(wanted, crowd(encoder, wanted), strict=True):
        assert isinstance(vector, np.ndarray)
        assert vector.tobytes() == encoder.encode_image(pixels, width).tobytes()
