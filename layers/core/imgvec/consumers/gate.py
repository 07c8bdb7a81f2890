"""The gate: who asks, and what is counted to them."""

import hmac
from collections.abc import Collection

from imgvec.consumers.keys import digest, well_formed
from imgvec.errors import KeyInvalid
from imgvec.stores.protocols import KeyStore
from imgvec.values import Caller


class Gate:
    """Admits callers by their key. Calls block (a look-up) and are thread-safe."""

    def __init__(self, keys: KeyStore) -> None:
        """`keys` is asked at every call, so a revoked key is refused from then on."""
        self._keys = keys

    def admit(self, shown: Collection[str]) -> Caller:
        """Name the caller behind the keys found in a request; the same key twice is one key.

        Raises:
            KeyInvalid: no key, two different keys, or one that is mistyped, unknown or revoked.
        """
        candidates = {key for key in shown if key}
        if not candidates:
            raise KeyInvalid("No API key was sent")
        if len(candidates) > 1:
            raise KeyInvalid("Two different API keys were sent")
        key = candidates.pop()
        if not well_formed(key):
            raise KeyInvalid("The API key is mistyped or truncated")
        shown_digest = digest(key)
        record = self._keys.find_key(shown_digest)
        # An index may leak by its timing how far a digest matched; the verdict does not.
        if record is None or not hmac.compare_digest(record.digest, shown_digest):
            raise KeyInvalid("The API key is unknown or revoked")
        if record.revoked is not None:
            raise KeyInvalid("The API key is unknown or revoked")
        return Caller(consumer=record.consumer, key_id=record.key_id)

    def count(self, caller: Caller, units: int) -> None:
        """Count answered embeddings to the caller's key.

        Here quotas will stand: reserve before inference, settle after success, release on failure.
        """
        self._keys.count(caller.key_id, units)
