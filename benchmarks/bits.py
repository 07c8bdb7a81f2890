"""Vectors of photos and texts, so that two processors can be compared to the last bit."""

import hashlib
from typing import TypeAlias

from benchmarks.material import CLIP, LIMITS, STARTER, Material
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.encoders.registry import shipped_folder
from imgvec.images.decode import decode
from imgvec.types import Vector
from imgvec_models.calibration.feeds import PHOTOS, sentences

Bits: TypeAlias = dict[str, list[str]]
"""Digests of vectors, by encoder and kind of input."""


def bits_of(material: Material) -> Bits:
    """The widest vectors of both encoders for the photos and sentences that ship."""
    photos = [path.read_bytes() for path in sorted(PHOTOS.glob("*.jpg"))]
    bits: Bits = {}
    for folder in (material.models / CLIP, shipped_folder() / STARTER):
        encoder = OnnxEncoder(folder)
        widest = max(encoder.dimensions)
        pixels = [decode(photo, encoder.image_size, LIMITS) for photo in photos]
        bits[f"photos by `{folder.name}`"] = [
            _digest(encoder.encode_image(one, widest)) for one in pixels
        ]
        bits[f"texts by `{folder.name}`"] = [
            _digest(encoder.encode_text(text, widest)[0]) for text in _texts()
        ]
    return bits


def alike(one: Bits, other: Bits) -> str:
    """How many vectors of each kind are the same to the last bit."""
    counted = [
        f"{sum(map(str.__eq__, found, other[kind]))} of {len(found)} {kind}"
        for kind, found in one.items()
    ]
    return ", ".join(counted)


def _digest(vector: Vector) -> str:
    return hashlib.sha256(vector.tobytes()).hexdigest()


def _texts() -> list[str]:
    """Sentences, alone and up to five in a row."""
    all_of_them = sentences()
    return [
        " ".join(all_of_them[begin : begin + 1 + begin % 5])
        for begin in range(0, len(all_of_them), 3)
    ]
