"""A server of our own, as `imgvec serve` starts it."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.material import Material
from tests.support.server.places import Running, create_key, serving
from tests.support.server.processes import wait_until_ready


@contextmanager
def served(material: Material, encoder: str) -> Iterator[tuple[Running, str]]:
    """One with this encoder that is ready, and a key for it."""
    with tempfile.TemporaryDirectory() as data:
        environment = {
            **os.environ,
            "IMGVEC_DATA": data,
            "IMGVEC_MODELS": str(material.models),
            "IMGVEC_ENCODERS": encoder,
        }
        key, _ = create_key("bench", environment)
        with serving(environment) as running:
            wait_until_ready(running.address)
            yield running, key
