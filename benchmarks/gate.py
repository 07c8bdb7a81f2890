"""Key, plan and meter alone, over a file as `imgvec serve` has it."""

import itertools
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from imgvec.accounts.authentication import Authenticator
from imgvec.accounts.idempotency import IdempotentMeter, Ticket
from imgvec.accounts.metering import Charge
from imgvec.accounts.registry import Registry
from imgvec.stores.sqlite import SqliteStore
from imgvec.types import Plan, Quota, RequestContext

PLAN: Final = Plan("bench", rate=1e6, quota=Quota(daily=10**9, monthly=10**9))
"""Limits that are judged and never reached."""
SPACE: Final = 512


class GateStages:
    """One consumer's requests, a stage at a time; each stage relies on the one before."""

    def __init__(self, store: SqliteStore, photo: bytes) -> None:
        """Make a key with a plan."""
        registry = Registry(store, who="bench")
        registry.put_plan(PLAN)
        self._key = registry.create_key("bench", PLAN.name).key
        self._gate = Authenticator(store)
        self._meter = IdempotentMeter(store, window=86400)
        self._photo = photo
        self._numbers = itertools.count()
        self._ticket: Ticket | None = None
        self.authenticate()

    def authenticate(self) -> None:
        """Find the key."""
        self._caller = self._gate.authenticate([self._key])

    def permit(self) -> None:
        """Judge space and rate."""
        self._gate.authorize(self._caller, SPACE)

    def reserve(self) -> None:
        """Take a unit."""
        attempt = RequestContext(f"request-{next(self._numbers)}", "pixlab", "")
        charge = Charge(self._caller, attempt, SPACE, "revision", (self._photo,))
        self._ticket = self._meter.reserve(charge)

    def settle(self) -> None:
        """Count what was taken."""
        assert self._ticket is not None
        self._meter.settle(self._ticket)

    def pass_all(self) -> None:
        """A whole request's way."""
        self.authenticate()
        self.permit()
        self.reserve()
        self.settle()


@contextmanager
def gate_stages(folder: Path, photo: bytes) -> Iterator[GateStages]:
    """Over a new file in a folder."""
    with closing(SqliteStore(folder)) as store:
        yield GateStages(store, photo)
