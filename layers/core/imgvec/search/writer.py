"""Writes an index, so that a run that is killed leaves one that can be used."""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain, count, groupby
from pathlib import Path
from typing import Final

import numpy as np

from imgvec.errors import SearchError
from imgvec.search.index import DATABASE, MIGRATIONS, VECTORS, Index, Space, Version
from imgvec.stores.sqlite.database import Database
from imgvec.stores.sqlite.lock import locked
from imgvec.types import Vector

LOCK: Final = "lock.sqlite"
COMMIT_SECONDS: Final = 2.0
"""The work that a kill can undo."""


class Writer(Index):
    """The only writer of an index. Vectors are on the disk before the rows that name them."""

    def __init__(self, folder: Path) -> None:
        """Open it, under the lock that `opened` takes."""
        super().__init__(folder)
        self._file = os.open(folder / VECTORS, os.O_RDWR | os.O_CREAT, 0o600)
        taken = self.slots()
        end = int(taken[-1]) + 1 if len(taken) else 0
        # Those that are free as the run begins, then new ones.
        self._slots = chain(np.setdiff1d(np.arange(end), taken).tolist(), count(end))
        self._vectors: list[tuple[int, Vector]] = []
        self._changes: list[tuple[str, Sequence[int | bytes | str | None]]] = []
        self._committed = time.monotonic()

    def close(self) -> None:
        """Commit and close."""
        try:
            self.commit()
        finally:
            os.close(self._file)
            super().close()

    def put(self, path: str, version: Version, vector: Vector) -> None:
        """Note the vector of a photo, in the place of an older one."""
        slot = next(self._slots)
        self._vectors.append((slot, vector))
        self._replace(path, version, slot, None)

    def put_problem(self, path: str, version: Version, problem: str) -> None:
        """Note that a photo is damaged."""
        self._replace(path, version, None, problem)

    def drop(self, path: str) -> None:
        """Forget a photo."""
        self._change("DELETE FROM photos WHERE path = ?", os.fsencode(path))

    def commit(self) -> None:
        """Write what is noted."""
        size = self.space.dimensions * np.dtype(np.float32).itemsize
        # In long pieces: the system maps a file faster that was written so.
        for slot, piece in _pieces(self._vectors):
            os.pwrite(self._file, piece, slot * size)
        os.fsync(self._file)
        with self._database.transaction() as connection:
            for statement, values in self._changes:
                connection.execute(statement, values)
        self._vectors.clear()
        self._changes.clear()
        self._committed = time.monotonic()

    def _replace(self, path: str, version: Version, slot: int | None, problem: str | None) -> None:
        statement = "INSERT OR REPLACE INTO photos VALUES (?, ?, ?, ?, ?)"
        self._change(statement, os.fsencode(path), *version, slot, problem)

    def _change(self, statement: str, *values: int | bytes | str | None) -> None:
        self._changes.append((statement, values))
        if time.monotonic() - self._committed > COMMIT_SECONDS:
            self.commit()


@contextmanager
def opened(folder: Path, space: Space, *, rebuild: bool) -> Iterator[Writer]:
    """The index in a folder, made where there is none; `rebuild` empties one first.

    Raises:
        SearchError: another process writes it, or its vectors are of another encoder.
        StoreError: its database is damaged, or of a newer imgvec.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise SearchError(f"{folder} cannot be made: {problem.strerror}") from None
    busy = f"Another `imgvec index` writes {folder}: try again when it has ended"
    with locked(folder / LOCK, SearchError, busy):
        if rebuild:
            for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", VECTORS):
                (folder / name).unlink(missing_ok=True)
        with closing(Database(folder / DATABASE, MIGRATIONS)) as database:
            _claim(database, space)
        with Writer(folder) as writer:
            if writer.space != space:
                raise another_encoder(folder, writer.space, space)
            yield writer


def _pieces(vectors: Iterable[tuple[int, Vector]]) -> Iterator[tuple[int, bytes]]:
    """The bytes of vectors in neighbouring slots together, with the first slot."""
    order = count()
    for _, run in groupby(vectors, key=lambda one: one[0] - next(order)):
        slots, rows = zip(*run, strict=True)
        yield slots[0], np.array(rows, np.float32).tobytes()


def _claim(database: Database, space: Space) -> None:
    """Make the index this encoder's if it is nobody's yet."""
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO encoder SELECT ?, ?, ? WHERE NOT EXISTS (SELECT * FROM encoder)", space
        )


def another_encoder(folder: Path, old: Space, new: Space) -> SearchError:
    """The error of an index whose vectors are of another encoder."""
    return SearchError(
        f"The index in {folder} has vectors of {_named(old)}, which cannot be compared with those "
        f"of {_named(new)}: `imgvec index --rebuild FOLDER` makes it anew, --index DIR another one"
    )


def _named(space: Space) -> str:
    return f"{space.model} {space.revision[:12]} in {space.dimensions} dimensions"
