"""One package for each vendor API; its module `routes` defines `DIALECT`."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # So that the schemas of a package can be imported without FastAPI.
    from imgvec.api.mounts import Dialect


@cache
def all_dialects() -> "tuple[Dialect, ...]":
    """The dialects, in the order of their packages' names."""
    names = [found.name for found in iter_modules(__path__) if found.ispkg]
    return tuple(import_module(f"{__name__}.{name}.routes").DIALECT for name in names)
