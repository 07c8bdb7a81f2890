"""The stores that accounts need: keys, plans, units, idempotency records.

Calls block and are thread-safe. Times are seconds since the epoch, days are in UTC.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from imgvec.accounts.consumers import Consumer
from imgvec.types import Plan, Quota


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key as stored: its digest, never itself."""

    key_id: str
    consumer: str
    digest: str
    """SHA-256 of the key, 64 hex digits."""
    created: float
    revoked: float | None = None
    expires: float | None = None
    disabled: float | None = None
    """Since when the key is switched off, until it is switched on again."""
    used: float | None = None
    """When the key was last shown, to a minute."""


class KeyStore(Protocol):
    """Keys by their digest."""

    def add_key(self, record: KeyRecord) -> None:
        """Store a new key."""

    def find_key(self, digest: str) -> KeyRecord | None:
        """The key with this digest, whatever its state."""

    def list_keys(self) -> Sequence[KeyRecord]:
        """All keys, oldest first."""

    def revoke_key(self, key_id: str, when: float) -> bool:
        """Revoke for good; False if there is no such key or it was revoked before."""

    def disable_key(self, key_id: str, when: float | None) -> bool:
        """Switch off, or on again with None; False if there is no such key or it was revoked."""

    def expire_key(self, key_id: str, when: float | None) -> bool:
        """Let the key end at a time, or never with None; False as in `revoke_key`."""

    def touch_key(self, digest: str, when: float, since: float) -> None:
        """Note that the key was shown, unless that was noted after `since`."""


@dataclass(frozen=True, slots=True)
class Action:
    """What an administrator did: a line of the record that is only ever added to."""

    when: float
    who: str
    what: str
    about: str
    """The consumer, plan or key id; never a key."""


class PlanStore(Protocol):
    """Plans and consumers."""

    def put_plan(self, plan: Plan) -> None:
        """Store a plan; one of the same name is replaced, for all who have it."""

    def list_plans(self) -> Sequence[Plan]:
        """All plans, by name."""

    def add_consumer(self, name: str) -> None:
        """Make a consumer without a plan known, unless it is."""

    def assign_plan(self, consumer: str, plan: str) -> None:
        """Give a consumer, known or new, a plan that exists."""

    def list_consumers(self) -> Sequence[Consumer]:
        """All consumers, by name."""

    def plan_of(self, consumer: str) -> Plan | None:
        """The consumer's plan; None where it has none."""

    def add_action(self, action: Action) -> None:
        """Keep what was done."""

    def list_actions(self) -> Sequence[Action]:
        """All that was done, oldest first."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Units that one request has taken of a day, until it is answered."""

    consumer: str
    hold_id: str
    """`NAME[/ATTEMPT][*UNITS]`, short: DynamoDB bills by the kilobyte."""
    day: date
    expires: float
    """When the units are free again, if nobody settles or releases them; whole seconds."""

    @property
    def units(self) -> int:
        """How many images."""
        return int(self.hold_id.partition("*")[2] or 1)

    @property
    def claim(self) -> str | None:
        """Name of the claim that the hold belongs to; None where no `Idempotency-Key` was sent."""
        name, attempted, _ = self.hold_id.partition("/")
        return name if attempted else None


@dataclass(frozen=True, slots=True)
class Label:
    """What an image is counted under."""

    key_id: str
    dialect: str
    space: int
    """Dimensions of the vector."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A consumer's day and month as they stood at a moment: counted and held units together."""

    day: int
    month: int
    expired: tuple[Hold, ...] = ()
    """Holds past their time, still taking their units, for the caller to settle or release."""


@dataclass(frozen=True, slots=True)
class UsageRow:
    """Answered images of a consumer, a day and a label."""

    consumer: str
    day: date
    label: Label
    images: int


class MeterStore(Protocol):
    """Holds and counts. Each call is atomic, in all threads, processes and machines."""

    def reserve(self, hold: Hold, quota: Quota, now: float) -> tuple[Hold | None, Standing]:
        """Take the hold's units if the quota has them; None in place of the hold if it has not.

        The hold comes back as it was taken: a store may move it to the day after, where another
        machine's clock has already closed the day. Taking the same hold again takes it once.
        """

    def settle(self, hold: Hold, label: Label) -> bool:
        """Turn the hold into counted images; False if it is gone."""

    def release(self, hold: Hold) -> bool:
        """Give the hold's units back; False if it is gone."""

    def standing(self, consumer: str, day: date, now: float) -> Standing:
        """What is taken of a day and of its month."""

    def expired_holds(self, consumer: str, since: date, until: date, now: float) -> Sequence[Hold]:
        """Holds of these days, both included, that are past their time."""

    def usage(self, consumer: str, since: date, until: date) -> Sequence[UsageRow]:
        """Answered images of these days, both included, by day."""


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


class AccountStore(KeyStore, PlanStore, MeterStore, ClaimStore, Protocol):
    """All that accounts need of a store."""
