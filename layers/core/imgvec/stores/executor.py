"""Blocking calls to stores, in threads of their own, so that no computation waits for them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

STORE_THREADS: Final = 8


class StoreExecutor:
    """Runs blocking calls without blocking the event loop."""

    def __init__(self) -> None:
        """Threads start with the first calls."""
        self._threads = ThreadPoolExecutor(STORE_THREADS, thread_name_prefix="imgvec-stores")

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call in a thread, to its end.

        Also where the request is cancelled meanwhile: a thread cannot be stopped, and its caller
        may close a file that it works on.
        """
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._threads, lambda: call(*args, **kwargs))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait({running})
            raise

    def close(self) -> None:
        """Finish running calls and end the threads."""
        self._threads.shutdown()
