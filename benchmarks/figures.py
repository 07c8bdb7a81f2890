"""What is measured of the image towers on one thread, and what follows of it."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime

from benchmarks.bits import Bits
from benchmarks.material import CLIP, STARTER, Material
from benchmarks.products import macs, multiplier, opened, tower_macs, tower_products
from benchmarks.timing import Measured, Timed
from imgvec.encoders.registry import shipped_folder
from imgvec_models.graphs.run import Feed
from tests.support.models.shapes.sizes import Clip

SIDE: Final = 2048
"""Of the square matrices whose product shows what the kernels can do."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Milliseconds by name, and what vectors there were."""

    timed: dict[str, Timed]
    bits: Bits

    def rate(self) -> float:
        """Thousand products of 8 bits a second at best; by a large square product."""
        return SIDE**3 / self.timed["square"].median

    def own_rate(self, clip: Clip) -> float:
        """The same by the shapes of the tower's own."""
        return macs(tower_products(clip)) / self.timed["own"].median

    def limit(self, clip: Clip) -> float:
        """Milliseconds that the tower takes at least."""
        return tower_macs(clip) / self.rate()

    def faster(self) -> float:
        """How many times longer float32 takes."""
        return self.timed["float32"].median / self.timed["int8"].median

    def of_limit(self, clip: Clip) -> float:
        """How many times longer than at least the served tower takes."""
        return self.timed["int8"].median / self.limit(clip)

    def of_own(self) -> float:
        """How many times longer than its bare products."""
        return self.timed["int8"].median / self.timed["own"].median


def work_of(material: Material) -> dict[str, Measured]:
    """What is measured, by the names of the figures."""
    return {
        "square": multiplier([(SIDE, SIDE, SIDE)]),
        "own": multiplier(tower_products(material.clip)),
        "float32": tower(material.source / "image.onnx"),
        "int8": tower(material.models / CLIP / "image.onnx"),
        "starter": tower(shipped_folder() / STARTER / "image.int8.onnx"),
    }


def tower(path: Path, images: int = 1) -> partial[object]:
    """One run of an image tower's first output, on so many random images at once."""
    session = opened(str(path))
    return partial(session.run, [session.get_outputs()[0].name], random_images(session, images))


def random_images(session: onnxruntime.InferenceSession, images: int = 1) -> Feed:
    """What a tower takes."""
    (taken,) = session.get_inputs()
    shape = (images, *taken.shape[1:])
    return {taken.name: np.random.default_rng(0).normal(size=shape).astype(np.float32)}
