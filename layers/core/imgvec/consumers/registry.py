"""Making and revoking keys: what an operator does, never a request."""

import re
from dataclasses import dataclass, field

from imgvec.consumers.keys import digest, mint
from imgvec.errors import ConsumerError
from imgvec.ids import base62
from imgvec.stores.protocols import KeyRecord, KeyStore

_CONSUMER = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A new key, to be shown once, beside what is stored of it."""

    key: str = field(repr=False)
    record: KeyRecord


def create_key(keys: KeyStore, consumer: str, now: float) -> CreatedKey:
    """Make a key for a consumer; a consumer that has keys gets one more.

    Raises:
        ConsumerError: the consumer's name is not 1 to 64 characters of `A-Za-z0-9._-`.
    """
    if not _CONSUMER.fullmatch(consumer):
        raise ConsumerError(
            "A consumer's name is 1 to 64 letters, digits, dots, hyphens and underscores."
        )
    key = mint()
    record = KeyRecord("k_" + base62(10), consumer, digest(key), created=now)
    keys.add_key(record)
    return CreatedKey(key, record)


def revoke_key(keys: KeyStore, key_id: str, now: float) -> None:
    """Revoke a key for good.

    Raises:
        ConsumerError: there is no such key, or it was revoked before.
    """
    if not keys.revoke_key(key_id, now):
        raise ConsumerError("There is no such key, or it was revoked before.")
