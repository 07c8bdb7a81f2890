"""The head of a dialect's requests: below which paths it answers, and where its keys may be.

The gateway's authorizer sees the head of a request and no body, so nothing here imports a web
framework.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

T = TypeVar("T")

KeyReader: TypeAlias = Callable[[str], str]
"""The key in the value of a header; empty if the value has none."""


def raw(value: str) -> str:
    """The value is the key."""
    return value.strip()


def bearer(value: str) -> str:
    """The key behind `Bearer`; empty for another scheme."""
    scheme, _, token = value.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def bare(value: str) -> str:
    """A key, raw or behind `Bearer`."""
    return bearer(value) or value.strip()


def nearest(path: str, owners: Mapping[str, T]) -> T | None:
    """The owner of the longest prefix that a path is at or below."""
    found = [prefix for prefix in owners if f"{path}/".startswith(f"{prefix}/")]
    return owners[max(found, key=len)] if found else None


@dataclass(frozen=True, slots=True)
class RequestHead:
    """Paths of a dialect, and the places of keys that can be read before a body."""

    prefixes: tuple[str, ...]
    """Paths at and below these are answered in the dialect, unknown ones included."""
    headers: Mapping[str, KeyReader]
    """Headers by names in lower case, and how to read a key in each."""
    query: tuple[str, ...] = ()
    """Query parameters whose value is the key."""
    mounts: tuple[str, ...] = ("",)
    """Paths under which the routes and prefixes are mounted; only the first is in OpenAPI."""

    @property
    def owned(self) -> tuple[str, ...]:
        """The prefixes below all mounts."""
        return tuple(mount + prefix for mount in self.mounts for prefix in self.prefixes)

    def owns(self, path: str) -> bool:
        """Whether a path is at or below one of the prefixes."""
        return nearest(path, dict.fromkeys(self.owned, self)) is not None

    def keys(
        self, headers: Iterable[tuple[str, str]], query: Iterable[tuple[str, str]] = ()
    ) -> frozenset[str]:
        """All keys in these headers (names in lower case) and query parameters."""
        shown = {self.headers[name](value) for name, value in headers if name in self.headers}
        shown.update(value for name, value in query if name in self.query)
        return frozenset(shown - {""})
