"""Invocations of a serving process or container, as SageMaker passes them on."""

import httpx2
import numpy as np

from imgvec.encoders.integrity import read_manifest
from imgvec.encoders.registry import shipped_folder
from imgvec.encoders.sagemaker.client import HEADER, PIXELS, Attributes
from imgvec.types import Pixels

ASKED = str(Attributes(read_manifest(shipped_folder() / "starter").revision, 1024))
"""The starter's widest space."""


def coarse_pictures(count: int, side: int) -> list[Pixels]:
    """Different pictures `uint8 [side, side, 3]` of large patches."""
    random = np.random.default_rng(0)
    patches = random.integers(0, 256, (count, 13, 13, 3), np.uint8)
    places = np.arange(side) * 13 // side
    return [np.ascontiguousarray(one[places][:, places]) for one in patches]


def invoke(
    client: httpx2.Client, body: bytes, media_type: str = PIXELS, asked: str = ASKED
) -> httpx2.Response:
    """One invocation."""
    return client.post(
        "/invocations", content=body, headers={"Content-Type": media_type, HEADER: asked}
    )
