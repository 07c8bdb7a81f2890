"""Under which name API Gateway throttles a request. It never denies: the application judges keys.

A usage plan knows a caller by the *value* of one of the gateway's API keys, which here is no secret
and no key of imgvec. A name that the gateway does not know would be its own 403, so only names that
are known to be attached to a plan are given.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from imgvec.accounts.cache import Cache
from imgvec.accounts.gateway_names import Identifier, IdentifierStore
from imgvec.accounts.keys import digest, well_formed
from imgvec.accounts.ports import KeyStore
from imgvec.dialects.head_keys import all_head_keys, bare
from imgvec.errors import StoreError, TooFast

SHARED: Final = "shared"
"""For all callers that the gateway cannot tell apart: strangers, bad keys, keys in a body, which no
authorizer sees, and consumers without an accepted name of their own."""

CACHE_SECONDS: Final = 30.0

PROBE: Final = "x-imgvec-probe"
"""Header that names a consumer: `imgvec keys` asks whether the gateway takes its pending name."""

log = logging.getLogger(__name__)
HANDED_ON: Final = "x-imgvec-key"
"""The name under which the edge hands on a header that a REST API drops."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What of a request the authorizer can see."""

    headers: Mapping[str, str]
    """Names in lower case."""
    query: Mapping[str, str]


def shown_keys(shown: Shown) -> set[str]:
    """Every key in headers and query, of whichever dialect."""
    places = all_head_keys()
    headers = [shown.headers.get(name, "") for name in (*places.headers, HANDED_ON)]
    query = [shown.query.get(name, "") for name in places.query]
    return {bare(value) for value in headers + query} - {""}


class Consumers:
    """Finds the gateway's name of a key's consumer; what was found is known for 30 seconds."""

    def __init__(
        self,
        keys: KeyStore,
        identifiers: IdentifierStore | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Without `identifiers`, no consumer has a name of its own."""
        self._keys = keys
        self._identifiers = identifiers
        self._known: Cache[str] = Cache(CACHE_SECONDS, clock)

    def name_of(self, key: str) -> str | None:
        """The own name of the consumer that this key belongs to; None where it has none."""
        if not well_formed(key):
            return None
        hashed = digest(key)
        name = self._known.get(hashed)
        if name is None:
            try:
                name = self._look_up(hashed)
            except (StoreError, TooFast) as fault:
                log.error("the consumer of a key cannot be told: %s", fault)
                return None
            self._known.put(hashed, name)
        return name or None

    def probed(self, consumer: str) -> str | None:
        """The name that this consumer waits for; None unless it is pending."""
        try:
            identifier = self._identifier(consumer)
        except (StoreError, TooFast) as fault:
            log.error("a pending name cannot be told: %s", fault)
            return None
        return own_name(consumer) if identifier and not identifier.accepted else None

    def _look_up(self, hashed: str) -> str:
        """The consumer's own name, empty where it has none."""
        record = self._keys.find_key(hashed)
        if record is None or record.revoked is not None:
            return ""
        identifier = self._identifier(record.consumer)
        return own_name(record.consumer) if identifier and identifier.accepted else ""

    def _identifier(self, consumer: str) -> Identifier | None:
        if self._identifiers is None:
            return None
        return self._identifiers.find_identifier(consumer)


def throttled_as(shown: Shown, consumers: Consumers) -> str:
    """The name to throttle a request by: its consumer's own, or the shared one."""
    probe = shown.headers.get(PROBE)
    pending = consumers.probed(probe) if probe else None
    if pending is not None:
        return pending
    names = {consumers.name_of(key) for key in shown_keys(shown)}
    return (names.pop() if len(names) == 1 else None) or SHARED


def own_name(consumer: str) -> str:
    """The consumer's own name: short, and of characters that the gateway takes in a key's value."""
    return "c-" + hashlib.sha256(consumer.encode()).hexdigest()[:32]
