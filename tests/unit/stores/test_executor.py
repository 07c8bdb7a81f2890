"""Blocking calls in threads: a cancelled request waits for its call."""

import asyncio
import threading
import time
from contextlib import closing

import pytest

from imgvec.stores import StoreExecutor


def test_a_call_is_finished_before_its_cancelled_request_is() -> None:
    """Its caller may close a file then."""
    begun, done = threading.Event(), threading.Event()

    def call() -> None:
        begun.set()
        time.sleep(0.2)
        done.set()

    async def scenario(stores: StoreExecutor) -> None:
        task = asyncio.create_task(stores.run(call))
        assert await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert done.is_set()

    with closing(StoreExecutor()) as stores:
        asyncio.run(scenario(stores))
