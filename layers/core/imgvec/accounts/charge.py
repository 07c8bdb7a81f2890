"""What one request costs, from the moment its units are asked for to the moment it is answered."""

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
    """Units that a caller asks for."""

    principal: Principal
    context: RequestContext
    space: int
    digests: tuple[bytes, ...]
    """For each unit, an image or a text, the SHA-256 of its content; empty bytes where no
    `Idempotency-Key` was sent."""
    revision: str

    @property
    def units(self) -> int:
        """How many images or texts."""
        return len(self.digests)

    @property
    def label(self) -> Label:
        """What they are counted under."""
        return Label(self.principal.key_id, self.context.dialect, self.space)

    @property
    def content_digest(self) -> str:
        """SHA-256 over the SHA-256 of each content, 64 hex digits."""
        return hashlib.sha256(b"".join(self.digests)).hexdigest()


@dataclass(frozen=True, slots=True)
class Turn:
    """A request's place among those of one `Idempotency-Key`."""

    claim: Claim
    replay: bool = False
    """Whether it was answered and counted before."""
    previous: Claim | None = None
    """What stood there before, to be put back if nothing comes of this."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """Units that were granted; `hold` is None for a replay, which costs nothing."""

    hold: Hold | None
    label: Label
    turn: Turn | None
    allowance: Allowance | None


def short_name(text: str) -> str:
    """16 characters (96 bits of SHA-256) in the place of a longer id: a hold is stored by it."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:12]).decode()


def quota_allowance(
    plan: Plan | None, standing: Standing, day: date, now: float
) -> Allowance | None:
    """What is left of the plan's day or month, whichever is less; None without a quota."""
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
