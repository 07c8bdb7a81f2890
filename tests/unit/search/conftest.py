"""Photos and commands for a search on this machine."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgvec import Encoder
from imgvec_models.calibration.feeds import PHOTOS
from tests.support.server.places import PictureServer, server_environment
from tests.unit.cli.said import Environment


@pytest.fixture
def environment(tmp_path: Path, pictures: PictureServer) -> Environment:
    """An index of this test's own."""
    return server_environment(tmp_path / "data", pictures)


def copied(folder: Path) -> Path:
    """Real photos: five crops of each of three."""
    for name in ("chelsea", "coffee", "rocket"):
        (folder / name).mkdir(parents=True)
        for photo in PHOTOS.glob(f"{name}-[0-4].jpg"):
            shutil.copy2(photo, folder / name)
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with real photos."""
    return copied(tmp_path / "photos")


@pytest.fixture(scope="session")
def encoder() -> Iterator[Encoder]:
    """The encoder of the expected vectors."""
    with Encoder("starter") as made:
        yield made
