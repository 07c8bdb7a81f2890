"""One translator for each vendor API.

Every module of this package that defines `DIALECT` is one, so that a new vendor is a new module.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from imgvec.dialects.protocol import Dialect


@cache
def all_dialects() -> tuple[Dialect, ...]:
    """The dialects, in the order of their module names."""
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    return tuple(
        module.DIALECT
        for module in modules
        if isinstance(getattr(module, "DIALECT", None), Dialect)
    )
