"""API keys in SQLite."""

from collections.abc import Sequence
from dataclasses import astuple

from imgvec.accounts.ports import KeyRecord
from imgvec.stores.sqlite.part import Part


class SqliteKeys(Part):
    """A `KeyStore`."""

    def add_key(self, record: KeyRecord) -> None:
        """Store a new key."""
        with self._database.connection() as connection:
            connection.execute(
                "INSERT INTO keys"
                " (key_id, consumer, digest, created, revoked, expires, disabled, used)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                astuple(record),
            )

    def find_key(self, digest: str) -> KeyRecord | None:
        """The key with this digest, whatever its state."""
        with self._database.connection() as connection:
            row = connection.execute(
                "SELECT key_id, consumer, digest, created, revoked, expires, disabled, used"
                " FROM keys WHERE digest = ?",
                (digest,),
            ).fetchone()
        return KeyRecord(*row) if row else None

    def list_keys(self) -> Sequence[KeyRecord]:
        """All keys, oldest first."""
        with self._database.connection() as connection:
            rows = connection.execute(
                "SELECT key_id, consumer, digest, created, revoked, expires, disabled, used"
                " FROM keys ORDER BY created, rowid"
            ).fetchall()
        return [KeyRecord(*row) for row in rows]

    def revoke_key(self, key_id: str, when: float) -> bool:
        """Revoke for good; False if there is no such key or it was revoked before."""
        return self._change(
            "UPDATE keys SET revoked = ? WHERE key_id = ? AND revoked IS NULL", when, key_id
        )

    def disable_key(self, key_id: str, when: float | None) -> bool:
        """Switch off, or on again with None; False if there is no such key or it was revoked."""
        return self._change(
            "UPDATE keys SET disabled = ? WHERE key_id = ? AND revoked IS NULL", when, key_id
        )

    def expire_key(self, key_id: str, when: float | None) -> bool:
        """Let the key end at a time, or never with None; False as in `revoke_key`."""
        return self._change(
            "UPDATE keys SET expires = ? WHERE key_id = ? AND revoked IS NULL", when, key_id
        )

    def touch_key(self, digest: str, when: float, since: float) -> None:
        """Note that the key was shown, unless that was noted after `since`."""
        with self._database.connection(synchronous="NORMAL") as connection:
            connection.execute(
                "UPDATE keys SET used = ? WHERE digest = ? AND coalesce(used, 0) <= ?",
                (when, digest, since),
            )

    def _change(self, update: str, when: float | None, key_id: str) -> bool:
        with self._database.connection() as connection:
            return connection.execute(update, (when, key_id)).rowcount == 1
