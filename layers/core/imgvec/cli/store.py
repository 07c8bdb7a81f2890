"""The store that administrators' commands act on, and the name they act in."""

import getpass
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager

from imgvec.consumers.registry import Registry
from imgvec.settings import load_settings
from imgvec.stores.open import store_of
from imgvec.stores.protocols import Store


@contextmanager
def open_store() -> Iterator[Store]:
    """The store that the settings mean; a running server has the same one open."""
    with closing(store_of(load_settings())) as store:
        yield store


@contextmanager
def open_registry() -> Iterator[Registry]:
    """The registry, in the name of the user who runs the command."""
    with open_store() as store:
        yield Registry(store, _user())


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a number that has no name.
        return f"user {os.getuid()}"
