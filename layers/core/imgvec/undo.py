"""Writes of several steps: where a later step fails, those before it are taken back."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from imgvec.errors import StoreError, TooFast

log = logging.getLogger(__name__)


@contextmanager
def undone(*steps: Callable[[], object]) -> Iterator[None]:
    """Take `steps` if what follows fails in whatever way; the failure goes on.

    A call without an answer may have written or not, so each step must be harmless where there is
    nothing to undo. One that fails too is logged, and the others are taken all the same.
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
