"""One package for each vendor API: the `HEAD` of its requests, and its module `routes`.

The gateway's authorizer asks `head_of`, so nothing here imports a web framework.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from imgvec.request_head import RequestHead, nearest

if TYPE_CHECKING:
    from imgvec.api.mounts import Dialect


def _names() -> list[str]:
    return [found.name for found in iter_modules(__path__) if found.ispkg]


@cache
def all_dialects() -> "tuple[Dialect, ...]":
    """The dialects, in the order of their packages' names."""
    return tuple(import_module(f"{__name__}.{name}.routes").DIALECT for name in _names())


@cache
def all_heads() -> tuple[RequestHead, ...]:
    """The heads of all dialects' requests."""
    return tuple(import_module(f"{__name__}.{name}").HEAD for name in _names())


def head_of(path: str) -> RequestHead | None:
    """The head of the dialect that owns a path, or None."""
    return nearest(path, {prefix: head for head in all_heads() for prefix in head.owned})
