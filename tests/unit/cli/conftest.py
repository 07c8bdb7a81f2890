"""What a run of the command line needs."""

from pathlib import Path

import pytest

from tests.support.server.places import PictureServer, server_environment
from tests.unit.cli.said import Environment


@pytest.fixture
def environment(tmp_path: Path, pictures: PictureServer) -> Environment:
    """Stores of this test's own."""
    return server_environment(tmp_path / "data", pictures)


@pytest.fixture
def folder(tmp_path: Path, cat: bytes) -> Path:
    """Two images, a broken one, and what a search of folders leaves alone."""
    found = tmp_path / "photos"
    for name, data in {
        "b.jpg": cat,
        "a/c.JPEG": cat,
        "broken.png": b"\x89PNG\r\n\x1a\n",
        "notes.txt": b"words",
        ".hidden.jpg": cat,
        ".git/d.jpg": cat,
    }.items():
        path = found / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return found
