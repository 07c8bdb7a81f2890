"""The bytes of assets as files in a folder."""

import hashlib
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from imgvec.errors import StoreError

LEFTOVER_SECONDS: Final = 24 * 3600
"""Age at which a partial file is surely nobody's any more."""


class FolderBlobs:
    """The `BlobStore` of one machine (POSIX); safe in many threads and processes.

    A blob is written to a file of its own, flushed to the disk, and only then linked to its name,
    which is the hash of the asset's id: no id ever takes part in a path. What a crash leaves is a
    partial file without a name, which a later start removes.
    """

    def __init__(self, folder: Path) -> None:
        """Create the folder (0700) or take it over; remove partial files older than a day.

        Raises:
            StoreError: the folder cannot be written.
        """
        self._folder = folder
        self._partial = folder / "partial"
        with self._reported("created"):
            self._partial.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.chmod(0o700)
            self._tidy()

    def write(self, asset_id: str, data: Iterable[bytes]) -> int:
        """Store the bytes durably and give their number; nothing can be read until all are.

        The first whole blob of an id stands. A later write of the same id changes nothing and gives
        the number of bytes that are there, so two attempts at one upload cannot mix.

        Raises:
            StoreError: the disk is full or the folder cannot be written; nothing is kept.
        """
        with self._reported("written"):
            handle, name = tempfile.mkstemp(dir=self._partial)
        try:
            with os.fdopen(handle, "wb", buffering=0) as file:
                for chunk in data:
                    with self._reported("written"):
                        _write_all(file.fileno(), chunk)
                with self._reported("written"):
                    os.fsync(file.fileno())
            with self._reported("written"):
                return self._publish(Path(name), self._path(asset_id))
        finally:
            Path(name).unlink(missing_ok=True)

    def read(self, asset_id: str) -> bytes | None:
        with self._reported("read"), suppress(FileNotFoundError):
            return self._path(asset_id).read_bytes()
        return None

    def open(self, asset_id: str) -> BinaryIO | None:
        with self._reported("read"), suppress(FileNotFoundError):
            return self._path(asset_id).open("rb", buffering=0)
        return None

    def delete(self, asset_id: str) -> None:
        path = self._path(asset_id)
        with self._reported("written"), suppress(FileNotFoundError):
            path.unlink()
            _sync_folder(path.parent)

    def purge(self, asset_id: str) -> None:
        """The same as `delete`: a folder keeps no versions."""
        self.delete(asset_id)

    def _path(self, asset_id: str) -> Path:
        name = hashlib.sha256(asset_id.encode()).hexdigest()
        return self._folder / name[:2] / name

    def _publish(self, partial: Path, path: Path) -> int:
        """Give a whole file its name, unless that is taken."""
        with suppress(FileExistsError):
            path.parent.mkdir(mode=0o700)
            _sync_folder(self._folder)
        with suppress(FileExistsError):
            # A link, where a rename would replace: what was once readable never changes.
            path.hardlink_to(partial)
        _sync_folder(path.parent)
        return path.stat().st_size

    def _tidy(self) -> None:
        oldest = time.time() - LEFTOVER_SECONDS
        for path in self._partial.iterdir():
            # Another process may be tidying too, or have just finished its upload.
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < oldest:
                    path.unlink()

    @contextmanager
    def _reported(self, verb: str) -> Iterator[None]:
        try:
            yield
        except OSError as problem:
            raise StoreError(f"{self._folder} cannot be {verb}: {problem.strerror}.") from problem


def _write_all(handle: int, chunk: bytes) -> None:
    """Write to an unbuffered file, which may take less than it is given."""
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(handle, rest) :]


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
