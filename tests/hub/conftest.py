"""A local hub, and a recipe of small files that it serves."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from imgvec_models.hub.recipe import Recipe, Role, find_recipe
from tests.support.models.local_hub import PATHS, LocalHub, hub_path, remote, serving

SIZES: dict[Role, int] = {"image": 3_000_000, "text": 2_000_000, "tokenizer": 5_000}


@pytest.fixture(scope="session", autouse=True)
def no_proxy() -> Iterator[None]:
    """A proxy of this machine's is no way to loopback."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            patch.delenv(name, raising=False)
            patch.delenv(name.upper(), raising=False)
        yield


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    """A hub with the three files of `recipe`."""
    random = np.random.default_rng(0)
    with serving() as hub:
        for role, size in SIZES.items():
            hub.files[hub_path(role)] = random.bytes(size)
        yield hub


@pytest.fixture
def recipe(hub: LocalHub, tmp_path: Path) -> Recipe:
    """A recipe of the hub's three files, pinned."""
    shipped = find_recipe(tmp_path / "none", "clip-vit-b32")
    files = {role: remote(role, hub.files[hub_path(role)]) for role in PATHS}
    return shipped.model_copy(update={"name": "small-clip", "files": files})
