"""A provider's vectors beside those of the CPU, and those of batches beside images alone."""

from pathlib import Path
from typing import Final

import numpy as np

from imgvec.encoders.onnx import OnnxEncoder
from imgvec.errors import InternalFault
from imgvec.images.decode import ImageLimits, decode
from imgvec.settings import Provider
from imgvec.types import Pixels, Vector
from imgvec_models.calibration.feeds import PHOTOS, photo_paths, sentences
from tests.performance.fragment import Fragment

LIMITS: Final = ImageLimits(max_bytes=50_000_000, max_pixels=50_000_000, max_frames=1)
BATCHES: Final = (2, 8, 32)
ON_THE_CPU: Final = 8
"""Images and texts; a large encoder takes seconds for each there."""


def parity(page: Fragment, provider: Provider, folder: Path) -> None:
    """A row for each comparison: the least cosine, and how many have the same bits."""
    encoder, cpu = OnnxEncoder(folder, provider=provider), OnnxEncoder(folder)
    wide = max(encoder.dimensions)
    paths = photo_paths(PHOTOS)[: max(BATCHES)]
    photos = [decode(path.read_bytes(), encoder.image_size, LIMITS) for path in paths]
    alone = [encoder.encode_image(photo, wide) for photo in photos]
    reference = [cpu.encode_image(photo, wide) for photo in photos[:ON_THE_CPU]]
    page.table("vectors", "beside", "least cosine", "the same bits")
    page.row("images", "the CPU's", *_alike(alone[:ON_THE_CPU], reference))
    for size in BATCHES:
        page.row(f"batches of {size}", "alone", *_alike(_batched(encoder, photos, size), alone))
    if encoder.embeds_text:
        texts = sentences()[:ON_THE_CPU]
        ours, others = (
            [one.encode_text(text, wide)[0] for text in texts] for one in (encoder, cpu)
        )
        page.row("texts", "the CPU's", *_alike(ours, others))


def _batched(encoder: OnnxEncoder, photos: list[Pixels], size: int) -> list[Vector]:
    wide = max(encoder.dimensions)
    vectors: list[Vector] = []
    for start in range(0, len(photos), size):
        batch = encoder.encode_images([(one, wide) for one in photos[start : start + size]])
        vectors += [one for one in batch if not isinstance(one, InternalFault)]
    return vectors


def _alike(ours: list[Vector], others: list[Vector]) -> tuple[str, str]:
    pairs = list(zip(ours, others, strict=True))
    least = min(float(np.dot(a.astype(np.float64), b.astype(np.float64))) for a, b in pairs)
    same = sum(a.tobytes() == b.tobytes() for a, b in pairs)
    return f"{least:.7f}", f"{same} of {len(pairs)}"
