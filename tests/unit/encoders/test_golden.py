"""Vectors as they were when this revision was made, on whatever CPU runs the tests now.

To record them anew, which a new revision needs: delete the files in `golden` and run this twice.
"""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from imgvec.encoders.onnx import OnnxEncoder
from imgvec.types import Pixels

GOLDEN = Path(__file__).parent / "golden"
LOWEST_COSINE = 0.9995
LARGEST_DIFFERENCE = 0.005
TEXTS = [
    "a photo of a cat",
    "two dogs run across a meadow",
    "🐱",
    "",
    "screenshot of a receipt " * 30,
]


def compare(name: str, made: NDArray[np.float32], record: pytest.FixtureRequest) -> None:
    path = GOLDEN / name
    if not path.exists():
        np.save(path, made)
        pytest.fail(f"{path} is recorded: run the tests again and review it")
    kept: NDArray[np.float32] = np.load(path)
    record.node.user_properties.append(("bit-exact", kept.tobytes() == made.tobytes()))
    cosine = np.einsum("ij,ij->i", kept.astype(np.float64), made.astype(np.float64))
    assert kept.shape == made.shape
    assert cosine.min() >= LOWEST_COSINE
    assert np.abs(kept - made).max() <= LARGEST_DIFFERENCE


def test_images(
    encoder: OnnxEncoder, pictures: dict[str, Pixels], request: pytest.FixtureRequest
) -> None:
    made = [encoder.encode_image(pixels, 1024) for pixels in pictures.values()]
    compare("images.npy", np.stack(made), request)


def test_texts(encoder: OnnxEncoder, request: pytest.FixtureRequest) -> None:
    made = [encoder.encode_text(text, 1024)[0] for text in TEXTS]
    compare("texts.npy", np.stack(made), request)
