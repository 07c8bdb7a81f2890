"""API keys in DynamoDB: one partition, by digest."""

from collections.abc import Sequence
from typing import Final

from pydantic import TypeAdapter

from imgvec.accounts.ports import KeyRecord
from imgvec.errors import StoreError
from imgvec.stores.dynamodb.part import Part

_KEYS: Final = "keys"
_RECORD: Final = TypeAdapter(KeyRecord)


class DynamoKeys(Part):
    """A `KeyStore`. Look-ups may be a moment old; the gate remembers them for longer than that."""

    def add_key(self, record: KeyRecord) -> None:
        """Store a new key."""
        item = _RECORD.dump_python(record, mode="json", exclude_none=True)
        if not self._table.add(_KEYS, record.digest, item).done:
            raise StoreError("There is a key of this digest.")

    def find_key(self, digest: str) -> KeyRecord | None:
        """The key with this digest, whatever its state."""
        item = self._table.get(_KEYS, digest, consistent=False)
        return _RECORD.validate_python(item) if item else None

    def list_keys(self) -> Sequence[KeyRecord]:
        """All keys, oldest first."""
        records = [_RECORD.validate_python(item) for item in self._table.query(_KEYS)]
        return sorted(records, key=lambda record: (record.created, record.key_id))

    def revoke_key(self, key_id: str, when: float) -> bool:
        """Revoke for good; False if there is no such key or it was revoked before."""
        return self._change(key_id, "SET #revoked = :when", when)

    def disable_key(self, key_id: str, when: float | None) -> bool:
        """Switch off, or on again with None; False if there is no such key or it was revoked."""
        if when is None:
            return self._change(key_id, "REMOVE #disabled", None)
        return self._change(key_id, "SET #disabled = :when", when)

    def expire_key(self, key_id: str, when: float | None) -> bool:
        """Let the key end at a time, or never with None; False as in `revoke_key`."""
        if when is None:
            return self._change(key_id, "REMOVE #expires", None)
        return self._change(key_id, "SET #expires = :when", when)

    def touch_key(self, digest: str, when: float, since: float) -> None:
        """Note that the key was shown, unless that was noted after `since`."""
        self._table.update(
            (_KEYS, digest),
            "SET #used = :when",
            "attribute_exists(#pk) AND (attribute_not_exists(#used) OR #used <= :since)",
            {"when": when, "since": since},
        )

    def _change(self, key_id: str, change: str, when: float | None) -> bool:
        values = {} if when is None else {"when": when}
        return any(
            self._table.update(
                (_KEYS, record.digest), change, "attribute_not_exists(#revoked)", values
            ).done
            for record in self.list_keys()
            if record.key_id == key_id
        )
