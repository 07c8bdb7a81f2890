"""The starter's similarities of images lie where the vendors' documents put their thresholds."""

import numpy as np
import pytest

from imgvec.encoders.onnx import OnnxEncoder
from imgvec.encoders.registry import shipped_folder
from imgvec_models.quality.experiments import Bench
from imgvec_models.quality.photos import NEAR_DUPLICATES
from imgvec_models.quality.ranking import Matrix, different_pairs, paired
from tests.support.images.pictures import encoded, photo

NAMES = ("chelsea", "coffee", "rocket", "astronaut")
DUPLICATE, GROUP = 0.95, 0.85
SPACES = (512, 768, 1024)


@pytest.fixture(scope="module")
def encoder() -> OnnxEncoder:
    """The encoder that ships."""
    return OnnxEncoder(shipped_folder() / "starter")


@pytest.fixture(scope="module")
def photos() -> list[bytes]:
    """Four photos of scikit-image."""
    return [encoded(photo(name, (480, 400)), "PNG") for name in NAMES]


@pytest.fixture(params=SPACES)
def bench(encoder: OnnxEncoder, request: pytest.FixtureRequest) -> Bench:
    """The encoder in one of its spaces."""
    return Bench(encoder, request.param)


def gallery(bench: Bench, files: list[bytes]) -> Matrix:
    return bench.images(bench.decoded(files))


def test_different_photos_are_no_group(bench: Bench, photos: list[bytes]) -> None:
    assert different_pairs(gallery(bench, photos)).max() < GROUP


def test_most_near_duplicates_are_duplicates_and_all_are_a_group(
    bench: Bench, photos: list[bytes]
) -> None:
    originals = gallery(bench, photos)
    near = np.concatenate(
        [
            paired(gallery(bench, [change(file) for file in photos]), originals)
            for change in NEAR_DUPLICATES.values()
        ]
    )
    assert (near >= DUPLICATE).mean() >= 0.8
    assert near.min() >= GROUP
