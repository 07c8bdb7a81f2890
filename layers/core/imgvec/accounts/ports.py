"""The stores that accounts need: keys, plans, units, idempotency records.

Calls block and are thread-safe. Times are seconds since the epoch, days are in UTC.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from imgvec.accounts.prices import Tariff
from imgvec.types import Consumer, Plan, Quota


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key as stored: its digest, never the key."""

    key_id: str
    consumer: str
    digest: str
    """SHA-256 of the key, 64 hex digits."""
    created: float
    revoked: float | None = None
    expires: float | None = None
    disabled: float | None = None
    """Time at which the key was disabled; None if it is enabled."""
    used: float | None = None
    """Time of the last use, to a minute."""


class KeyStore(Protocol):
    """Keys by their digest."""

    def add_key(self, record: KeyRecord) -> None:
        """Store a new key."""

    def find_key(self, digest: str) -> KeyRecord | None:
        """The key with this digest, in any state."""

    def list_keys(self) -> Sequence[KeyRecord]:
        """All keys, oldest first."""

    def revoke_key(self, key_id: str, when: float) -> bool:
        """Revoke for good; False if there is no such key or it was revoked before."""

    def disable_key(self, key_id: str, when: float | None) -> bool:
        """Disable, or enable with None; False if there is no such key or it was revoked."""

    def expire_key(self, key_id: str, when: float | None) -> bool:
        """Set the expiry, None for never; False as in `revoke_key`."""

    def touch_key(self, digest: str, when: float, since: float) -> None:
        """Store the time of a use, unless one after `since` is stored."""


@dataclass(frozen=True, slots=True)
class Action:
    """An administrator's action, an entry of the append-only audit log."""

    when: float
    who: str
    what: str
    about: str
    """The consumer, plan or key id; never a key."""


class PlanStore(Protocol):
    """Plans and consumers."""

    def put_plan(self, plan: Plan) -> None:
        """Store a plan; it replaces one of the same name for all its consumers."""

    def list_plans(self) -> Sequence[Plan]:
        """All plans, by name."""

    def add_consumer(self, name: str) -> None:
        """Store a consumer without a plan, unless it exists."""

    def assign_plan(self, consumer: str, plan: str) -> None:
        """Assign an existing plan to a consumer, known or new."""

    def list_consumers(self) -> Sequence[Consumer]:
        """All consumers, by name."""

    def find_consumer(self, name: str) -> Consumer | None:
        """The consumer of this name, also one that is being deleted."""

    def plan_of(self, consumer: str) -> Plan | None:
        """The consumer's plan, or None."""

    def add_action(self, action: Action) -> None:
        """Append to the audit log."""

    def list_actions(self) -> Sequence[Action]:
        """The audit log, oldest first."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """A reservation: units of a day that one request takes until it is answered."""

    consumer: str
    id: str
    """`NAME[/ATTEMPT][*UNITS]`, short: DynamoDB bills by the kilobyte."""
    day: date
    expires: float
    """Time at which the units are free again unless settled or released; whole seconds."""

    @property
    def units(self) -> int:
        """Number of images."""
        return int(self.id.partition("*")[2] or 1)

    @property
    def record(self) -> str | None:
        """Name of the request's idempotency record; None without an `Idempotency-Key`."""
        name, attempted, _ = self.id.partition("/")
        return name if attempted else None


@dataclass(frozen=True, slots=True)
class Label:
    """The fields that an image is counted by in the usage report."""

    key_id: str
    dialect: str
    space: int
    """Dimensions of the vector."""
    tariff: Tariff | None = None
    """Plan and price of the time of the reservation; None without a price."""


@dataclass(frozen=True, slots=True)
class QuotaUsage:
    """Units of a consumer's day and month at one moment, settled and reserved together."""

    day: int
    month: int
    expired: tuple[Reservation, ...] = ()
    """Expired reservations that still take units; the caller settles or releases them."""


@dataclass(frozen=True, slots=True)
class UsageRow:
    """Answered images of a consumer, a day and a label."""

    consumer: str
    day: date
    label: Label
    images: int


class MeterStore(Protocol):
    """Reservations and counts. Each call is atomic across threads, processes and machines."""

    def reserve(
        self, reservation: Reservation, quota: Quota, now: float
    ) -> tuple[Reservation | None, QuotaUsage]:
        """Reserve units if the quota has them; the first result is None if it has not.

        It is the reservation as stored: a store may move it to the next day, if another machine's
        clock has already closed the day. Reserving the same one again reserves it once.
        """

    def settle(self, reservation: Reservation, label: Label) -> bool:
        """Turn the reservation into counted images; False if it is gone."""

    def release(self, reservation: Reservation) -> bool:
        """Release the reservation; False if it is gone."""

    def quota_usage(self, consumer: str, day: date, now: float) -> QuotaUsage:
        """Units taken of a day and of its month."""

    def expired_reservations(
        self, consumer: str, since: date, until: date, now: float
    ) -> Sequence[Reservation]:
        """Expired reservations of these days, inclusive."""

    def usage(self, consumer: str, since: date, until: date) -> Sequence[UsageRow]:
        """Answered images of these days, inclusive, by day."""


@dataclass(frozen=True, slots=True)
class IdempotencyRecord:
    """The idempotency record of a key; settled before its reservation, so that it decides."""

    name: str
    """Digest of the client's key; the same as `reservation.record`."""
    fingerprint: str
    """Path and digest of the request's fields."""
    content: str
    """SHA-256 of the embedded content: an image's bytes, or texts."""
    revision: str
    reservation: Reservation
    label: Label
    kept: float
    """Time until which the record is kept."""
    settled: bool = False


class IdempotencyStore(Protocol):
    """Idempotency records by consumer and name. Each call is atomic.

    Two records are the same if their reservations and states are.
    """

    def find_record(self, consumer: str, name: str) -> IdempotencyRecord | None:
        """The record as it is now."""

    def add_record(self, record: IdempotencyRecord, now: float) -> bool:
        """Store a record; False if there is one of the same name.

        A store may delete expired records here.
        """

    def replace_record(self, old: IdempotencyRecord, new: IdempotencyRecord) -> bool:
        """Replace `old` by `new`; False if `old` is gone."""

    def delete_record(self, old: IdempotencyRecord) -> bool:
        """Delete `old`; False if it is gone."""


class AccountStore(KeyStore, PlanStore, MeterStore, IdempotencyStore, Protocol):
    """The whole store of accounts."""


@dataclass(frozen=True, slots=True)
class Identifier:
    """A consumer's name at the gateway. Until it is accepted, the shared name is used."""

    consumer: str
    gateway_key: str
    """Id of the gateway's key, which is neither a secret nor a key of imgvec."""
    usage_plan: str
    """Id of the usage plan that it is attached to."""
    accepted: bool = False
    """Whether the gateway has accepted a request with it."""


class IdentifierStore(Protocol):
    """Identifiers by consumer."""

    def find_identifier(self, consumer: str) -> Identifier | None:
        """The consumer's identifier, pending or accepted."""

    def put_identifier(self, identifier: Identifier) -> None:
        """Store an identifier, replacing the consumer's former one."""

    def list_identifiers(self) -> Sequence[Identifier]:
        """All identifiers, by consumer."""

    def delete_identifier(self, consumer: str) -> None:
        """Delete an identifier; absent is fine."""
