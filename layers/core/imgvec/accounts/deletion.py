"""The port of a consumer's deletion, and the name under which its usage is kept."""

from collections.abc import Iterable
from datetime import date
from typing import Final, Protocol

from imgvec.accounts.ports import IdempotencyRecord
from imgvec.ids import base62
from imgvec.types import Consumer

KEPT: Final = "~"
"""In the name under which a deleted consumer's usage is kept, and in no name that can be given."""


def is_active(consumer: Consumer) -> bool:
    """Whether a consumer is neither deleted nor being deleted."""
    return consumer.leaving is None and KEPT not in consumer.name


def kept_name(consumer: str, day: date) -> str:
    """A name for the usage of a deleted consumer, which no consumer can be given."""
    return f"{consumer}{KEPT}{day.isoformat()}-{base62(6)}"


class DeletionStore(Protocol):
    """The steps of a deletion. Each may be repeated, also after a process died in it."""

    def begin_deletion(self, consumer: str, kept_as: str) -> str:
        """Mark an existing consumer as being deleted; returns the name of the first mark."""

    def delete_key(self, digest: str) -> None:
        """Delete a key; absent is fine."""

    def list_records(self, consumer: str) -> Iterable[IdempotencyRecord]:
        """The consumer's idempotency records, by name."""

    def delete_records(self, consumer: str) -> int:
        """Delete the consumer's idempotency records; returns their number."""

    def keep_usage(self, consumer: str, kept_as: str) -> None:
        """Move counts to another name, by which they are added; reservations are deleted."""

    def delete_usage(self, consumer: str) -> None:
        """Delete counts and reservations."""

    def delete_sums(self, consumer: str) -> None:
        """Delete the sums of the consumer's files, which are deleted already."""

    def end_deletion(self, consumer: str, kept_as: str | None) -> None:
        """Delete the consumer itself; another one stands for the usage that is kept."""
