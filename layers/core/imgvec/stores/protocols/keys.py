"""API keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


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
