"""The authorizer: maps a request to the name under which API Gateway throttles it.

It never denies a request: the application authenticates. A name is the *value* of a gateway API
key, which is neither a secret nor a key of imgvec. The gateway answers 403 to a value that is in no
usage plan, so only names that it has accepted are returned.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from imgvec.accounts.cache import Cache
from imgvec.accounts.keys import digest, well_formed
from imgvec.accounts.ports import IdentifierStore, KeyStore
from imgvec.dialects import head_of
from imgvec.errors import StoreError, TooFast

SHARED: Final = "shared"
"""The name for all other requests: without a valid key, with a key in the body, which an authorizer
does not see, or of a consumer without an accepted name."""

CACHE_SECONDS: Final = 30.0

PROBE: Final = "x-imgvec-probe"
"""Header with a consumer's name, by which `imgvec keys` probes its pending name."""

log = logging.getLogger(__name__)
Event: TypeAlias = dict[str, Any]
DROPPED: Final = "www-authenticate"
"""A header that a REST API drops, and an authorizer sees."""
FROM_EDGE: Final = "x-imgvec-key"
"""The name under which CloudFront passes it on."""
HANDED_ON: Final = "www_authenticate"
"""Key of the authorizer's context under which the application gets it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The path, headers and query of a request."""

    path: str
    """Relative to the application."""
    headers: Mapping[str, str]
    """Names in lower case."""
    query: Mapping[str, str]


def shown_keys(shown: Shown) -> frozenset[str]:
    """Every key in headers and query that the path's dialect reads; none where it has no dialect.

    Anything in the key place of another dialect means nothing here, as in the application.
    """
    head = head_of(shown.path)
    if head is None:
        return frozenset()
    dropped = {DROPPED: _dropped(shown)}
    return head.keys({**shown.headers, **dropped}.items(), shown.query.items())


def _dropped(shown: Shown) -> str:
    """The value of the header that the gateway drops, from either of its names."""
    return shown.headers.get(DROPPED) or shown.headers.get(FROM_EDGE) or ""


class Consumers:
    """Finds the gateway name of a key's consumer; results are cached for 30 seconds."""

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
        """The accepted name of the key's consumer, or None."""
        if not well_formed(key):
            return None
        hashed = digest(key)
        name = self._known.get(hashed)
        if name is None:
            # An empty name is cached as well: unknown keys cost one look-up in 30 seconds.
            name = self._look_up(hashed) or ""
            self._known.put(hashed, name)
        return name or None

    def probed(self, consumer: str) -> str | None:
        """The consumer's pending name; None unless it is pending."""
        return self._name_if(consumer, accepted=False)

    def _look_up(self, hashed: str) -> str | None:
        record = self._keys.find_key(hashed)
        if record is None or record.revoked is not None:
            return None
        return self._name_if(record.consumer, accepted=True)

    def _name_if(self, consumer: str, *, accepted: bool) -> str | None:
        found = self._identifiers and self._identifiers.find_identifier(consumer)
        return own_name(consumer) if found and found.accepted is accepted else None


def throttled_as(shown: Shown, consumers: Consumers) -> str:
    """The name to throttle a request by: that of its consumer, or the shared one."""
    probe = shown.headers.get(PROBE)
    try:
        pending = consumers.probed(probe) if probe else None
        names = {pending} if pending else {consumers.name_of(key) for key in shown_keys(shown)}
    except (StoreError, TooFast) as fault:
        log.error("the consumer of a request is unknown: %s", fault)
        return SHARED
    return (names.pop() if len(names) == 1 else None) or SHARED


def own_name(consumer: str) -> str:
    """The consumer's name: short, and of characters that are valid in a gateway key."""
    return "c-" + hashlib.sha256(consumer.encode()).hexdigest()[:32]


def shown_in(event: Mapping[str, Any]) -> Shown:
    """The path, headers and query of a request, as the authorizer sees them."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    return Shown(str(event.get("path", "")), headers, event.get("queryStringParameters") or {})


def allow(event: Mapping[str, Any], shown: Shown, name: str) -> Event:
    """Let the request pass, throttled as `name`.

    The policy allows the whole stage, because the gateway may cache it for all methods. The header
    that the gateway drops is passed on unchanged, so that the application checks the key.
    """
    stage = "/".join(str(event["methodArn"]).split("/")[:2])
    handed_on = _dropped(shown)
    return {
        "principalId": name,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": f"{stage}/*"}
            ],
        },
        "context": {HANDED_ON: handed_on} if handed_on else {},
        "usageIdentifierKey": name,
    }
