"""One server for all hostile requests: what one of them breaks, another would show."""

from collections.abc import Iterator

import pytest

from tests.support.server.hostile_target import Target, started_target
from tests.support.server.places import PictureServer


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory, pictures: PictureServer) -> Iterator[Target]:
    """A running server, its keys, and the vector that a good request must keep giving."""
    with started_target(tmp_path_factory.mktemp("hostile"), pictures) as started:
        yield started
