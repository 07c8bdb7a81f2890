"""Figures of the image towers on one thread."""

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np

from imgvec.encoders.onnx import OnnxEncoder
from imgvec.encoders.registry import shipped_folder
from imgvec.images.decode import decode
from imgvec_benchmarks.material import CLIP, LIMITS, STARTER, Material
from imgvec_benchmarks.products import macs, multiplier, opened, tower_macs, tower_products
from imgvec_benchmarks.shapes.sizes import Clip
from imgvec_benchmarks.timing import Measured, Timed
from imgvec_models.calibration.feeds import PHOTOS, sentences

SIDE: Final = 2048
"""Of the square matrices whose product shows what the kernels can do."""
Bits: TypeAlias = dict[str, list[str]]
"""Digests of vectors, by encoder and kind of input."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Milliseconds by name, and the digests of vectors."""

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
        return self.timed["float32"].median / self.timed["int8"].median

    def of_limit(self, clip: Clip) -> float:
        """Ratio of the measured latency to the lower bound of the arithmetic."""
        return self.timed["int8"].median / self.limit(clip)

    def of_own(self) -> float:
        """Ratio of the measured latency to that of the bare products."""
        return self.timed["int8"].median / self.timed["own"].median


def work_of(material: Material) -> dict[str, Measured]:
    """Measurements by the names of the figures."""
    return {
        "square": multiplier([(SIDE, SIDE, SIDE)]),
        "own": multiplier(tower_products(material.clip)),
        "float32": _tower(material.source / "image.onnx"),
        "int8": _tower(material.models / CLIP / "image.onnx"),
        "starter": _tower(shipped_folder() / STARTER / "image.int8.onnx"),
    }


def _tower(path: Path) -> partial[object]:
    """One run of an image tower's first output on a random image."""
    session = opened(str(path))
    (taken,) = session.get_inputs()
    image = np.random.default_rng(0).normal(size=(1, *taken.shape[1:])).astype(np.float32)
    return partial(session.run, [session.get_outputs()[0].name], {taken.name: image})


def bits_of(material: Material) -> Bits:
    """The widest vectors of both encoders for the photos and sentences that ship."""
    known = sentences()
    # Alone and up to five in a row.
    texts = [" ".join(known[at : at + 1 + at % 5]) for at in range(0, len(known), 3)]
    bits: Bits = {}
    for folder in (material.models / CLIP, shipped_folder() / STARTER):
        encoder = OnnxEncoder(folder)
        widest = max(encoder.dimensions)
        photos = (path.read_bytes() for path in sorted(PHOTOS.glob("*.jpg")))
        pixels = (decode(photo, encoder.image_size, LIMITS) for photo in photos)
        vectors = {
            "photos": [encoder.encode_image(one, widest) for one in pixels],
            "texts": [encoder.encode_text(text, widest)[0] for text in texts],
        }
        for kind, found in vectors.items():
            bits[f"{kind} by `{folder.name}`"] = [
                hashlib.sha256(vector.tobytes()).hexdigest() for vector in found
            ]
    return bits


def alike(one: Bits, other: Bits) -> str:
    """How many vectors of each kind are the same to the last bit."""
    return ", ".join(
        f"{sum(map(str.__eq__, found, other[kind]))} of {len(found)} {kind}"
        for kind, found in one.items()
    )
