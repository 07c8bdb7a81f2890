"""A file on its way: it has its name only once its size and digest are right."""

import errno
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from imgvec.errors import ModelError
from imgvec_models.hub.recipe import RemoteFile

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
PIECE: Final = 1 << 20

Watch: TypeAlias = Callable[[str, int, int | None], None]
"""Told of progress: a file's name, its bytes so far, and all its bytes where that is known."""


@dataclass(frozen=True, slots=True)
class Received:
    """Size in bytes and SHA-256 of a file that is in place."""

    size: int
    sha256: str


class Partial:
    """What has arrived of `target`, as `<target>.partial`; its version lies beside it."""

    def __init__(self, target: Path) -> None:
        """Find what an earlier attempt has left; nothing is written yet."""
        self.target = target
        self._path = target.with_name(target.name + ".partial")
        self._validator = target.with_name(target.name + ".partial.etag")

    def resumable(self) -> tuple[int, str] | None:
        """How many bytes have arrived, and of which version (a strong ETag) of the source."""
        try:
            size, validator = self._path.stat().st_size, self._validator.read_text()
        except FileNotFoundError:
            return None
        return (size, validator) if size and validator else None

    def restart(self, validator: str | None) -> None:
        """Forget what has arrived; what comes is of the version `validator`."""
        with told(self.target):
            self.discard()
            if validator is not None and not validator.startswith("W/"):
                self._validator.write_text(validator)

    def discard(self) -> None:
        """Remove what has arrived."""
        self._path.unlink(missing_ok=True)
        self._validator.unlink(missing_ok=True)

    def fill(self, file: RemoteFile, pieces: Iterable[bytes], watch: Watch) -> Received:
        """Append `pieces`, then give the file its name if it is what the recipe says.

        Raises:
            ModelError: size or digest are wrong (nothing is kept), or the disk is full (what has
                arrived is kept).
        """
        name = self.target.name
        with told(self.target), self._path.open("a+b") as stream:
            stream.seek(0)
            digest = hashlib.file_digest(stream, "sha256")
            done = stream.tell()
            for piece in pieces:
                stream.write(piece)
                digest.update(piece)
                done += len(piece)
                watch(name, done, file.size)
                if file.size is not None and done > file.size:
                    break
            stream.flush()
            os.fsync(stream.fileno())
            received = Received(done, digest.hexdigest())
            problem = difference(file, received)
            if problem is not None:
                self.discard()
                raise ModelError(f"{file.repository}/{file.path} {problem}: nothing of it is kept")
            self._path.replace(self.target)
            self._validator.unlink(missing_ok=True)
        return received


def difference(file: RemoteFile, found: Received) -> str | None:
    """What is wrong with a file by its recipe; of one that is too large only a part may be read."""
    if file.size is not None and found.size != file.size:
        more = "more" if found.size > file.size else "fewer"
        return f"has the wrong size ({more} than the {file.size} bytes of the recipe)"
    if file.sha256 is not None and found.sha256 != file.sha256:
        return "has the wrong SHA-256 (another file than the recipe's)"
    return None


def measure(path: Path) -> Received:
    """Size and digest of a file, read in pieces.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return Received(stream.tell(), digest)


@contextmanager
def told(target: Path) -> Iterator[None]:
    """One sentence for whatever the file system refuses.

    Raises:
        ModelError: the disk is full, or `target` cannot be written.
    """
    try:
        yield
    except OSError as problem:
        if problem.errno in FULL:
            raise ModelError(
                f"The disk is full at {target.parent}: make room and run it again, "
                "it goes on where it stopped"
            ) from None
        raise ModelError(f"Cannot write {target}: {problem.strerror}") from None
