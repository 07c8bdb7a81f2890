"""Authenticates keys, and authorizes requests by plan and rate."""

import hmac
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Final

from imgvec.accounts.cache import Cache
from imgvec.accounts.keys import digest, well_formed
from imgvec.accounts.ports import AccountStore, KeyRecord
from imgvec.accounts.rate_limit import RateLimiter
from imgvec.errors import KeyDisabled, KeyInvalid, KeyMissing, SpaceForbidden
from imgvec.types import Allowance, Plan, Principal

TOUCH_SECONDS: Final = 60.0
"""Shortest interval between two writes of a key's last use."""

TOKEN_SECONDS: Final = 0.05
"""Processor time that a token of the rate stands for: the decode of a large photo."""

UNKNOWN: Final = "The API key is unknown or revoked"
NO_KEY: Final = "No API key was sent, send it as `Authorization: Bearer <key>`"


class Authenticator:
    """Authenticates and authorizes by key. Calls are thread-safe; `authenticate` blocks."""

    def __init__(
        self,
        store: AccountStore,
        *,
        cache_seconds: float = 0.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """A change to a key or a plan takes effect within `cache_seconds`."""
        self._store = store
        self._clock = clock
        self._known: Cache[tuple[KeyRecord, Plan | None]] = Cache(cache_seconds)
        self._own: dict[str, KeyRecord] = {}
        self._rates = RateLimiter()

    def add_own(self, record: KeyRecord) -> None:
        """Accept a key that is in no store, for the life of this process."""
        self._own[record.digest] = record

    def authenticate(self, shown: Collection[str]) -> Principal:
        """The principal of the keys found in a request; the same key twice is one key.

        Raises:
            KeyMissing: there is none.
            KeyInvalid: two different keys, or one that is mistyped, unknown, revoked or expired.
            KeyDisabled: the key is switched off.
        """
        candidates = {key for key in shown if key}
        if not candidates:
            raise KeyMissing(NO_KEY)
        if len(candidates) > 1:
            raise KeyInvalid("Two different API keys were sent")
        key = candidates.pop()
        if not well_formed(key):
            raise KeyInvalid("The API key is mistyped or truncated")
        record, plan = self._find(digest(key))
        if record.revoked is not None:
            raise KeyInvalid(UNKNOWN)
        if record.expires is not None and self._clock() >= record.expires:
            raise KeyInvalid("The API key has expired")
        if record.disabled is not None:
            raise KeyDisabled
        self._touch(record, plan)
        return Principal(record.consumer, record.key_id, plan)

    def authorize(self, principal: Principal, dimensions: int) -> Allowance | None:
        """Check a request against the plan; returns the rest of its rate, if it has one.

        Raises:
            SpaceForbidden: the plan does not allow these dimensions.
            TooFast: the plan's rate is exceeded.
        """
        plan = principal.plan
        if plan is not None and not plan.allows(dimensions):
            allowed = ", ".join(map(str, sorted(plan.spaces or ())))
            raise SpaceForbidden(
                f"The plan of this key has no embeddings of {dimensions} dimensions, "
                f"it has: {allowed}"
            )
        return self.take_rate(principal)

    def take_rate(self, principal: Principal) -> Allowance | None:
        """Take a request's token; returns the rest of the plan's rate, if it has one.

        Raises:
            TooFast: the rate is exceeded.
        """
        plan = principal.plan
        if plan is None or plan.rate is None:
            return None
        return self._rates.take(principal.consumer, plan.rate, plan.depth)

    def owe_rate(self, principal: Principal, seconds: float) -> None:
        """Take further tokens for processor time whose request was answered with an error.

        A bad image is free in units, so that only the rate bounds the work that it makes.
        """
        plan, tokens = principal.plan, int(seconds / TOKEN_SECONDS)
        if plan is not None and plan.rate is not None and tokens:
            self._rates.owe(principal.consumer, plan.rate, plan.depth, tokens)

    def _find(self, shown: str) -> tuple[KeyRecord, Plan | None]:
        known = self._known.get(shown)
        if known is not None:
            return known
        record = self._own.get(shown) or self._store.find_key(shown)
        # The timing of an index look-up may leak a matching prefix of the digest; this must not.
        if record is None or not hmac.compare_digest(record.digest, shown):
            raise KeyInvalid(UNKNOWN)
        # A revoked key is rejected as fast as an unknown one: its plan is not read.
        plan = self._store.plan_of(record.consumer) if record.revoked is None else None
        found = (record, plan)
        self._known.put(shown, found)
        return found

    def _touch(self, record: KeyRecord, plan: Plan | None) -> None:
        if record.digest in self._own:
            return
        now = self._clock()
        since = now - TOUCH_SECONDS
        if record.used is None or record.used <= since:
            self._store.touch_key(record.digest, now, since)
            self._known.amend(record.digest, (replace(record, used=now), plan))
