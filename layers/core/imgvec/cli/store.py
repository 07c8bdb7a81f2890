"""The store that administrators' commands act on, and the name they act in."""

import getpass
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager

from imgvec.accounts.registry import Registry
from imgvec.aws.gateway_keys.outputs import Stack
from imgvec.settings import load_settings
from imgvec.stores.open import Store, store_of


@contextmanager
def open_store(stack: Stack | None = None) -> Iterator[Store]:
    """The store of a stack, else that of the settings; a running server has the same one open."""
    settings = load_settings()
    if stack is not None:
        settings = settings.model_copy(update={"table": stack.table})
    with closing(store_of(settings)) as store:
        yield store


@contextmanager
def open_registry(stack: Stack | None = None) -> Iterator[Registry]:
    """The registry, in the name of the user who runs the command."""
    with open_store(stack) as store:
        yield registry_of(store)


def registry_of(store: Store) -> Registry:
    """The registry of a store that is open, in the name of the user who runs the command."""
    return Registry(store, _user())


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a number that has no name.
        return f"user {os.getuid()}"
