"""Writes in several steps: if a later step fails, the earlier ones are undone."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from imgvec.errors import StoreError, TooFast

log = logging.getLogger(__name__)


@contextmanager
def undone(*steps: Callable[[], object]) -> Iterator[None]:
    """Run `steps` if the block raises anything, then re-raise.

    A failed call may have written or not, so each step must be harmless if there is nothing to
    undo. A step that fails too is logged, and the others still run.
    """
    try:
        yield
    except BaseException:
        for step in steps:
            try:
                step()
            except (StoreError, TooFast) as fault:
                log.error("a step could not be undone: %s", fault)
        raise
