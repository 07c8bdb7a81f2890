"""What is left of a limit: the numbers of the `RateLimit-*` headers."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Allowance:
    """One limit as it stands: requests of a bucket, or images of a period."""

    limit: int
    remaining: int
    reset: int
    """Seconds until the whole limit is there again."""


def tightest(allowances: Iterable[Allowance | None]) -> Allowance | None:
    """The limit that would stop a consumer first; None where nothing is limited."""
    given = [allowance for allowance in allowances if allowance is not None]
    return min(given, key=lambda allowance: allowance.remaining, default=None)
