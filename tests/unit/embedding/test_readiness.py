"""Readiness waits for the first inference, a little."""

import asyncio
import time

import pytest

from imgvec.embedding import compute
from imgvec.embedding.compute import Compute
from imgvec.encoders.registry import Encoders
from imgvec.settings import Settings
from tests.support.server.hosted import HeldEncoder


def test_who_asks_in_the_moment_of_the_start_waits_for_the_first_inference() -> None:
    encoder = HeldEncoder()
    made = Compute(Encoders((encoder,)), Settings())

    async def ask() -> bool:
        asyncio.get_running_loop().call_later(0.2, encoder.go.set)
        return await made.ready()

    assert asyncio.run(ask())
    made.close()


def test_who_asks_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute, "FIRST_SECONDS", 0.1)
    encoder = HeldEncoder()
    made = Compute(Encoders((encoder,)), Settings())
    started = time.monotonic()
    assert not asyncio.run(made.ready())
    assert time.monotonic() - started < 10
    encoder.go.set()
    made.close()
