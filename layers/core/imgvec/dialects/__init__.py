"""One package for each vendor API: its head keys, and its module `routes` with `DIALECT`.

The gateway's authorizer sees the head of a request and no body. It asks `all_head_keys`, so nothing
here imports a web framework.
"""

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imgvec.api.mounts import Dialect


def _names() -> list[str]:
    return [found.name for found in iter_modules(__path__) if found.ispkg]


@cache
def all_dialects() -> "tuple[Dialect, ...]":
    """The dialects, in the order of their packages' names."""
    return tuple(import_module(f"{__name__}.{name}.routes").DIALECT for name in _names())


@dataclass(frozen=True, slots=True)
class HeadKeys:
    """Places of keys in headers, by names in lower case, and in the query."""

    headers: tuple[str, ...] = ()
    query: tuple[str, ...] = ()


@cache
def all_head_keys() -> HeadKeys:
    """The places of all dialects, each once."""
    places: list[HeadKeys] = [import_module(f"{__name__}.{name}").HEAD_KEYS for name in _names()]
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
