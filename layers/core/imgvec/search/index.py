"""The index of photos in one folder: vectors in a file that is mapped, the rest in SQLite."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from imgvec.errors import SearchError
from imgvec.stores.sqlite.database import Database
from imgvec.stores.sqlite.schema import Migration
from imgvec.types import Vectors

DATABASE: Final = "photos.sqlite"
VECTORS: Final = "vectors.f32"
MIGRATIONS: Final[tuple[Migration, ...]] = (
    (
        "CREATE TABLE encoder (model TEXT NOT NULL, revision TEXT NOT NULL, "
        "dimensions INTEGER NOT NULL)",
        "CREATE TABLE photos (path BLOB PRIMARY KEY, bytes INTEGER NOT NULL, "
        "modified INTEGER NOT NULL, slot INTEGER UNIQUE, problem TEXT) WITHOUT ROWID",
    ),
)

ALL_SLOTS: Final = "SELECT slot FROM photos WHERE slot IS NOT NULL"
COUNT: Final = "SELECT count(*) FROM photos WHERE slot IS NOT NULL"
END: Final = "SELECT coalesce(max(slot) + 1, 0) FROM photos"
SLOTS: Final = (
    "SELECT slot FROM photos WHERE (path = ? OR path > ? AND path < ?) AND slot IS NOT NULL"
)
KNOWN: Final = (
    "SELECT path, bytes, modified, problem FROM photos WHERE path = ? OR path > ? AND path < ?"
)

Slots = NDArray[np.int64]


class Space(NamedTuple):
    """The encoder that made the vectors, and how many numbers each has."""

    model: str
    revision: str
    dimensions: int


class Version(NamedTuple):
    """A file that has the same ones is taken to be the same."""

    bytes: int
    modified: int
    """In nanoseconds."""


class Known(NamedTuple):
    """A photo of the index; one that is damaged has a problem and no vector."""

    version: Version
    problem: str | None


class Photo(NamedTuple):
    """A photo that has a vector."""

    path: str
    bytes: int


class Index:
    """An index to read. A photo's vector is the row of its slot in the file of vectors.

    Other processes may change it meanwhile. A slot that becomes free is used again by later runs
    only, so no reader finds another photo's vector in it.
    """

    def __init__(self, folder: Path) -> None:
        """Open the index of a folder.

        Raises:
            SearchError: there is none.
            StoreError: its database is damaged, or of a newer imgvec.
        """
        if not (folder / DATABASE).exists():
            raise SearchError(f"There is no index in {folder}: run `imgvec index FOLDER` first")
        self._folder = folder
        self._database = Database(folder / DATABASE, MIGRATIONS)
        row = next(self._rows("SELECT model, revision, dimensions FROM encoder"), None)
        if row is None:
            self.close()
            raise SearchError(f"The index in {folder} is empty: run `imgvec index FOLDER` first")
        self.space = Space(*row)

    def __enter__(self) -> Self:
        """Open nothing more; the block ends with `close`."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the database."""
        self.close()

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def slots(self, inside: Iterable[str] = ()) -> Slots:
        """The slots that have a vector, ascending; of all photos, or of those in some folders."""
        ranges = [_range(path) for path in inside]
        if not ranges and self._number(COUNT) == self._number(END):
            # To read a hundred thousand rows takes longer than to search them.
            return np.arange(self._number(END))
        found = [self._rows(SLOTS, *one) for one in ranges] or [self._rows(ALL_SLOTS)]
        return np.unique(np.fromiter((slot for rows in found for (slot,) in rows), np.int64))

    def photos(self, slots: Iterable[int]) -> dict[int, Photo]:
        """The photos of slots, without those that another process has dropped meanwhile."""
        query = "SELECT path, bytes FROM photos WHERE slot = ?"
        found = ((slot, row) for slot in slots for row in self._rows(query, slot))
        return {slot: Photo(os.fsdecode(path), size) for slot, (path, size) in found}

    def vectors(self, slots: Slots) -> Vectors:
        """The rows of the file, mapped, up to the last of these slots; others mean nothing.

        Raises:
            SearchError: the file is missing or too short.
        """
        if not len(slots):
            return np.empty((0, self.space.dimensions), np.float32)
        shape = (int(slots[-1]) + 1, self.space.dimensions)
        try:
            return np.asarray(np.memmap(self._folder / VECTORS, np.float32, "r", shape=shape))
        except (OSError, ValueError):
            raise SearchError(
                f"{self._folder / VECTORS} is missing or cut short: "
                "`imgvec index --rebuild FOLDER` makes the index anew"
            ) from None

    def known(self, inside: Iterable[str]) -> dict[str, Known]:
        """The photos at or below some paths, damaged ones too, by path."""
        return {
            os.fsdecode(path): Known(Version(size, modified), problem)
            for one in inside
            for path, size, modified, problem in self._rows(KNOWN, *_range(one))
        }

    def _number(self, query: str) -> int:
        ((number,),) = self._rows(query)
        return int(number)

    def _rows(self, query: str, *values: int | bytes) -> Iterator[tuple[Any, ...]]:
        with self._database.connection() as connection:
            yield from connection.execute(query, values).fetchall()


def _range(path: str) -> tuple[bytes, bytes, bytes]:
    """A path, and the bounds of all that lies below it: "0" is the byte behind "/"."""
    name = os.fsencode(path)
    below = name.rstrip(b"/")
    return name, below + b"/", below + b"0"
