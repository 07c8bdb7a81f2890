"""A store that many processes open, a consumer in it, and requests as the service answers them."""

import os
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from imgvec.accounts.authentication import Authenticator
from imgvec.accounts.idempotency import IdempotentMeter
from imgvec.accounts.metering import Charge
from imgvec.accounts.registry import Registry
from imgvec.errors import QuotaExhausted, TooFast
from imgvec.stores import Store
from imgvec.stores.dynamodb import DynamoStore
from imgvec.stores.sqlite import SqliteStore
from imgvec.types import Plan, Quota, RequestContext, day_of
from tests.support.aws.dynamodb import start as start_emulator

CONSUMER: Final = "load"
SHORT_HOLD: Final = 3.0
"""Seconds that a unit is held where processes are killed, so that none need wait a minute."""


@dataclass(frozen=True)
class Site:
    """Where a store is, for every process to open by itself."""

    kind: str
    place: str
    """The folder of the file, or the table's name."""
    folder: str

    def open(self) -> Store:
        """A connection of this process's own."""
        return DynamoStore(self.place) if self.kind == "dynamodb" else SqliteStore(Path(self.place))


@contextmanager
def site_of(kind: str) -> Iterator[Site]:
    """An empty store of this kind."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        if kind == "sqlite":
            yield Site(kind, folder, folder)
            return
        emulator = stack.enter_context(start_emulator())
        os.environ.update(emulator.environment)
        yield Site(kind, emulator.new_table(), folder)


def prepare(site: Site, quota: Quota | None, consumer: str = CONSUMER) -> str:
    """A consumer with a plan; gives its key."""
    with closing(site.open()) as store:
        registry = Registry(store, "proof")
        if quota is not None:
            registry.put_plan(Plan("proof", quota=quota))
        return registry.create_key(consumer, "proof" if quota is not None else None).key


def counted(
    site: Site, reserved_seconds: float = 60.0, consumer: str = CONSUMER
) -> tuple[int, int]:
    """Images counted, and holds that are left."""
    with closing(site.open()) as store:
        meter = IdempotentMeter(store, window=3600, reserved_seconds=reserved_seconds)
        now = time.time()
        today = day_of(now)
        yesterday = today - timedelta(days=1)
        images = sum(row.images for row in meter.usage(consumer, yesterday, today))
        standing = [store.quota_usage(consumer, day, now).day for day in (yesterday, today)]
        return images, sum(standing) - images


def answer(
    gate: Authenticator, meter: IdempotentMeter, key: str, name: str, idempotent: bool, work: float
) -> bool:
    """One request as the service answers it; False where the quota is used up."""
    caller = gate.authenticate([key])
    gate.authorize(caller, 512)
    attempt = RequestContext(name, "proof", "asked", name if idempotent else None)
    charge = Charge(caller, attempt, 512, "r" * 64, (name.encode(),))
    while True:
        try:
            ticket = meter.reserve(charge)
            if ticket is None:
                time.sleep(0.01)
                continue
            time.sleep(work * random.random())
            meter.settle(ticket)
        except QuotaExhausted:
            return False
        except TooFast:
            continue
        return True


def ask_all(site: Site, key: str, names: range, log: str, idempotent: bool, work: float) -> None:
    """A process's share of the requests; each answer that got out is a line of the log."""
    handle = os.open(log, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
    with closing(site.open()) as store:
        gate = Authenticator(store, cache_seconds=30)
        meter = IdempotentMeter(
            store, window=3600, reserved_seconds=SHORT_HOLD if idempotent else 60
        )
        for name in names:
            done = answer(gate, meter, key, f"n{name}", idempotent, work)
            os.write(handle, f"n{name} {'answered' if done else '402'}\n".encode())


def verdicts(log: str) -> dict[str, str]:
    """What each request came to; an answer stands against an earlier refusal."""
    found: dict[str, str] = {}
    path = Path(log)
    for line in path.read_text().splitlines() if path.exists() else []:
        name, _, verdict = line.partition(" ")
        if found.get(name) != "answered":
            found[name] = verdict
    return found
