"""The units of one request, from their reservation to its response."""

import base64
import hashlib
import math
from dataclasses import dataclass
from datetime import date

from imgvec.accounts.ports import Claim, Hold, Label, Standing
from imgvec.periods import end_of, month_last
from imgvec.types import Allowance, Plan, Principal, RequestContext, tightest


@dataclass(frozen=True, slots=True)
class Charge:
    """The units that a request needs, and their label and content."""

    principal: Principal
    context: RequestContext
    space: int
    digests: tuple[bytes, ...]
    """SHA-256 of the content of each unit, an image or a text; empty bytes without an
    `Idempotency-Key`."""
    revision: str

    @property
    def units(self) -> int:
        """Number of images and texts."""
        return len(self.digests)

    @property
    def label(self) -> Label:
        """The label of the units in the usage report."""
        return Label(self.principal.key_id, self.context.dialect, self.space)

    @property
    def content_digest(self) -> str:
        """SHA-256 over the SHA-256 of each content, 64 hex digits."""
        return hashlib.sha256(b"".join(self.digests)).hexdigest()


@dataclass(frozen=True, slots=True)
class Turn:
    """A request's lease of the idempotency record of its `Idempotency-Key`."""

    claim: Claim
    replay: bool = False
    """Whether the request was answered and counted before."""
    previous: Claim | None = None
    """The record that this one replaced, to be restored if the request fails."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """Units that were reserved; `hold` is None for a replay, which costs nothing."""

    hold: Hold | None
    label: Label
    turn: Turn | None
    allowance: Allowance | None


def short_name(text: str) -> str:
    """16 characters (96 bits of SHA-256) that stand for a longer id in a reservation's id."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:12]).decode()


def quota_allowance(
    plan: Plan | None, standing: Standing, day: date, now: float
) -> Allowance | None:
    """The rest of the plan's daily or monthly quota, the smaller one; None without a quota."""
    if plan is None:
        return None
    return tightest(
        Allowance(limit, max(0, limit - taken), math.ceil(end_of(last) - now))
        for limit, taken, last in (
            (plan.quota.daily, standing.day, day),
            (plan.quota.monthly, standing.month, month_last(day)),
        )
        if limit is not None
    )
