"""Claims: which request of an `Idempotency-Key` is at work, and what came of it."""

from dataclasses import dataclass
from typing import Protocol

from imgvec.stores.protocols.metering import Hold, Label


@dataclass(frozen=True, slots=True)
class Claim:
    """One `Idempotency-Key` of a consumer. It is the truth about its hold: settled here first."""

    name: str
    """Digest of the client's key; the same as `hold.claim`."""
    asked: str
    """Path and digest of the request's fields."""
    content: str
    """SHA-256 of what was embedded: an image's bytes, or texts."""
    revision: str
    hold: Hold
    label: Label
    kept: float
    """When the key may be used anew."""
    settled: bool = False


class ClaimStore(Protocol):
    """Claims by consumer and name. Each call is atomic; a claim is told by its hold and state."""

    def find_claim(self, consumer: str, name: str) -> Claim | None:
        """The claim as it is now."""

    def add_claim(self, claim: Claim, now: float) -> bool:
        """Store a claim; False if there is one of the same name.

        On this occasion a store may forget claims that are kept no longer.
        """

    def replace_claim(self, old: Claim, new: Claim) -> bool:
        """Put `new` in the place of `old`; False if `old` is not there any more."""

    def delete_claim(self, old: Claim) -> bool:
        """Remove `old`; False if it is not there any more."""
