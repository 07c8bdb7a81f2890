"""The application under uvicorn in a thread of the tests' own, with an encoder that waits."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from fastapi import FastAPI

from imgvec.api.connection import Connection
from imgvec.api.mounts import Mounts
from imgvec.encoders import TextLimit
from imgvec.process import listen
from imgvec.server import server
from imgvec.types import CLIP_GEOMETRY, Geometry, Pixels, Vector

LONGEST_SECONDS = 60.0
"""How long a test that fails may hold up what follows."""

MAX_BODY = 20_000_000


@dataclass
class HeldEncoder:
    """Answers with always the same vector, once it is let go."""

    go: threading.Event = field(default_factory=threading.Event)
    name: str = "held"
    revision: str = "0" * 64
    image_size: int = 8
    geometry: Geometry = CLIP_GEOMETRY
    embeds_text: bool = True
    image_tokens: int = 1
    dimensions: frozenset[int] = frozenset({512, 768, 1024})
    preferred: int = 1024
    composed: frozenset[int] = frozenset()
    scales: Mapping[int, float] = field(default_factory=dict)
    text_limit: TextLimit = field(default_factory=TextLimit)
    texts: list[str] = field(default_factory=list)
    """The texts that it has begun to encode."""

    def encode_image(self, pixels: Pixels, dimensions: int) -> Vector:
        """Wait, then answer."""
        self.go.wait(LONGEST_SECONDS)
        return np.full(dimensions, dimensions**-0.5, np.float32)

    def encode_text(self, text: str, dimensions: int) -> tuple[Vector, int]:
        """Wait, then answer."""
        self.texts.append(text)
        self.go.wait(LONGEST_SECONDS)
        return np.full(dimensions, dimensions**-0.5, np.float32), 1


@contextmanager
def hosted(app: FastAPI) -> Iterator[str]:
    """The address of the application."""
    listener = listen("127.0.0.1", 0)
    error_response = getattr(app.state, "mounts", Mounts(())).error_response
    hosting = server(Connection(app, MAX_BODY, error_response))
    # Tests wait for it.
    hosting.config.timeout_keep_alive = 1
    thread = threading.Thread(target=hosting.run, args=([listener],))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        hosting.should_exit = True
        thread.join()
