"""A dialect alone: all of the application but gate, pixels and encoder, without a server."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

from benchmarks.cold_process import ask
from benchmarks.wire import Request
from imgvec.dialects import all_dialects
from imgvec.flow.front import Front, Stores, open_stores
from imgvec.http.web import assemble
from imgvec.settings import Settings
from imgvec.values import Attempt, Embedded, Wanted


class Echo(Front):
    """Admits everybody and answers at once with the same vector."""

    def __init__(self, settings: Settings, stores: Stores) -> None:
        """Make the vector, of 512 values."""
        super().__init__(settings, stores)
        random = np.random.default_rng(0).normal(size=512).astype(np.float32)
        vector = random / np.linalg.norm(random)
        self._answer = Embedded((vector,), "echo", "0" * 64, 512, 50)

    async def embed(
        self, keys: frozenset[str], attempt: Attempt, wanted: Callable[[], Wanted]
    ) -> Embedded:
        """Read what is to be embedded, and no more."""
        wanted()
        return self._answer


@contextmanager
def dialect_stage(folder: Path, request: Request) -> Iterator[Callable[[], None]]:
    """What answers a request: framework, dialect, JSON."""
    settings = Settings(data=folder)
    front = Echo(settings, open_stores(settings))
    app = assemble(front, [dialect.router for dialect in all_dialects()], {})
    with asyncio.Runner() as runner, closing(front):

        def answer() -> None:
            call = ask(app, request.path, request.headers, request.body)
            assert runner.run(call) == 200

        yield answer
