"""A lock between processes: SQLite's own on an empty file, which ends with the process."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from imgvec.errors import ImgvecError


@contextmanager
def locked(path: Path, kind: type[ImgvecError], busy: str) -> Iterator[None]:
    """Hold the lock of this file, which is made where there is none.

    Raises:
        ImgvecError: of this kind, with the sentence `busy` where another process holds it, and with
            another one where the folder cannot be written.
    """
    with ExitStack() as held:
        try:
            lock = sqlite3.connect(path, timeout=0, isolation_level=None)
            held.enter_context(closing(lock))
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as problem:
            if problem.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise kind(busy) from None
            raise kind(
                f"{path.parent} cannot be written: check the owner and mode of the folder and its "
                "files"
            ) from None
        yield
