"""Pulled files: their size and digest, compared with the recipe, and errors of the file system."""

import errno
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from imgvec.errors import ModelError
from imgvec_models.hub.recipe import Pin, Received

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def pulled_folder(models: Path, name: str) -> Path:
    """Where a recipe's files are pulled to."""
    return models / "pulled" / name


def measure(path: Path) -> Received:
    """Size and digest of a file, read in pieces.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return Received(stream.tell(), digest)


def difference(file: Pin, found: Received) -> str | None:
    """The way in which a file is another than the recipe's."""
    if file.size is not None and found.size != file.size:
        more = "more" if found.size > file.size else "fewer"
        return f"has the wrong size ({more} than the {file.size} bytes of the recipe)"
    if file.sha256 is not None and found.sha256 != file.sha256:
        return "has the wrong SHA-256 (another file than the recipe's)"
    return None


def present(target: Path, file: Pin) -> Received | None:
    """Size and digest of a pulled file; None if it is not there, or another than the recipe's."""
    try:
        if file.size is not None and target.stat().st_size != file.size:
            return None
        found = measure(target)
    except OSError:
        return None
    return found if difference(file, found) is None else None


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Say an error of the file system in one sentence.

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
        if problem.errno is None:
            # An error of the hub's client, which derives its own from OSError.
            raise
        raise ModelError(f"Cannot write {target}: {problem.strerror}") from None
