"""Meters over one store, with a clock that is set by hand."""

from dataclasses import dataclass, field

from imgvec.accounts.idempotency import IdempotentMeter, Ticket
from imgvec.accounts.metering import Charge
from imgvec.stores import Store
from imgvec.types import Plan, Principal, Quota, RequestContext, day_of

WINDOW = 24 * 3600.0
NOON = 1_772_193_600.0
"""2026-02-27 12:00 UTC."""


@dataclass
class Bench:
    """A store, a clock, and as many meters over them as there are processes to imitate."""

    store: Store
    quota: Quota = field(default_factory=Quota)
    now: float = NOON
    requests: int = 0

    def meter(self) -> IdempotentMeter:
        """A process's own meter."""
        return IdempotentMeter(self.store, window=WINDOW, clock=lambda: self.now)

    def charge(
        self,
        key: str | None = None,
        *,
        content: bytes = b"image",
        asked: str = "/imgembed one",
        consumer: str = "acme",
        revision: str = "r1",
        units: int = 1,
    ) -> Charge:
        """A new request, as the service makes it."""
        self.requests += 1
        attempt = RequestContext(f"request-{self.requests}", "pixlab", asked, key)
        caller = Principal(consumer, "k_1", Plan("plan", quota=self.quota))
        return Charge(caller, attempt, 512, revision, (content,) * units)

    def answer(self, charge: Charge) -> Ticket:
        """Reserve and settle; there is no twin in the way."""
        meter = self.meter()
        ticket = meter.reserve(charge)
        assert ticket is not None
        meter.settle(ticket)
        return ticket

    def counted(self, consumer: str = "acme") -> int:
        """Images that were counted, after whatever the dead held was put right."""
        day = day_of(self.now)
        rows = self.meter().usage(consumer, day.replace(day=1), day)
        return sum(row.images for row in rows)

    def taken(self) -> int:
        """Units taken of the day: counted and held."""
        return self.store.quota_usage("acme", day_of(self.now), self.now).day

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
