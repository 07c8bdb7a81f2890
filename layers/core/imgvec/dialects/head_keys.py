"""Where the heads of requests carry keys, of each dialect and of all.

The gateway's authorizer sees a head and no body. It asks `all_head_keys`, so nothing here imports a
web framework.
"""

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

import imgvec.dialects


@dataclass(frozen=True, slots=True)
class HeadKeys:
    """Places of keys in headers, by names in lower case, and in the query."""

    headers: tuple[str, ...] = ()
    query: tuple[str, ...] = ()


@cache
def all_head_keys() -> HeadKeys:
    """The places of all dialects, each once."""
    found = [one.name for one in iter_modules(imgvec.dialects.__path__) if one.ispkg]
    places: list[HeadKeys] = [
        import_module(f"{imgvec.dialects.__name__}.{name}").HEAD_KEYS for name in found
    ]
    headers = dict.fromkeys(name for one in places for name in one.headers)
    query = dict.fromkeys(name for one in places for name in one.query)
    return HeadKeys(tuple(headers), tuple(query))


def bearer(value: str) -> str | None:
    """The token of an `Authorization: Bearer` header, None for another scheme."""
    scheme, _, token = value.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def bare(value: str) -> str:
    """A key, raw or behind `Bearer`."""
    token = bearer(value)
    return value.strip() if token is None else token
