"""One process at a time in one folder; the lock ends with the process, however that ends."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from imgvec_models.hub.partial import told


@contextmanager
def locked(folder: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Make `folder` and hold it; `waiting` is called once if another process holds it.

    Raises:
        ModelError: the folder cannot be written.
    """
    path = folder / ".lock"
    with told(path):
        folder.mkdir(parents=True, exist_ok=True)
        stream = path.open("wb")
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield
