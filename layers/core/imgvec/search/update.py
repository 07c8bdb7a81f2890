"""Brings an index up to date with the photos in some folders."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from imgvec.encoder import Encoder, Problem, reason
from imgvec.errors import NotAnImage, RequestError, TooLarge
from imgvec.search.index import Known, Version
from imgvec.search.writer import Writer

LASTING: Final = (NotAnImage, TooLarge)
"""Problems that a photo has until its file changes; any other is tried again by the next run."""


@dataclass(slots=True)
class Changes:
    """The work of a run."""

    wanted: list[tuple[str, Version | None]] = field(default_factory=list)
    """Photos to embed; without a version where the file cannot be looked at."""
    gone: list[str] = field(default_factory=list)
    unchanged: int = 0
    damaged: int = 0
    """Those that were damaged before and have not changed."""


class Comparison:
    """Compares the photos that an index has in some folders with those that are found there."""

    def __init__(self, known: Mapping[str, Known]) -> None:
        """Of what the index knows."""
        self._known = known
        self._same: set[str] = set()

    def is_same(self, path: str, status: os.stat_result) -> bool:
        """Whether the index knows a file as it is; such a one need not be opened."""
        before = self._known.get(path)
        if before is None or before.version != _version_of(status):
            return False
        self._same.add(path)
        return True

    def changes(self, found: Iterable[str]) -> Changes:
        """The work that is left, once all photos are found."""
        changes = Changes()
        paths = dict.fromkeys(path if path in self._same else _unlinked(path) for path in found)
        for path in paths:
            before = self._known.get(path)
            version = before.version if before and path in self._same else _version(path)
            if before is None or before.version != version:
                changes.wanted.append((path, version))
            elif before.problem is None:
                changes.unchanged += 1
            else:
                changes.damaged += 1
        missing = sorted(self._known.keys() - paths.keys())
        changes.gone = [path for path in missing if _is_gone(path, self._known[path].version)]
        return changes


def apply_changes(
    writer: Writer, encoder: Encoder, changes: Changes
) -> Iterator[tuple[str, Problem | None]]:
    """Write the changes; gives each photo that is embedded, or its problem."""
    for path in changes.gone:
        writer.drop(path)
    vectors = encoder.each_image(path for path, _ in changes.wanted)
    for (path, version), vector in zip(changes.wanted, vectors, strict=True):
        if not isinstance(vector, RequestError | OSError):
            if version is not None:
                writer.put(path, version, vector)
            yield path, None
            continue
        if version is not None and isinstance(vector, LASTING):
            writer.put_problem(path, version, reason(vector))
        else:
            writer.drop(path)
        yield path, vector


def _version_of(status: os.stat_result) -> Version:
    return Version(status.st_size, status.st_mtime_ns)


def _unlinked(path: str) -> str:
    """The file itself, so that it stands in the index once."""
    return os.path.realpath(path) if Path(path).is_symlink() else path


def _version(path: str) -> Version | None:
    try:
        return _version_of(Path(path).stat())
    except OSError:
        return None


def _is_gone(path: str, version: Version) -> bool:
    """Whether a photo was deleted, or is no image any more; one out of reach is kept."""
    try:
        return _version_of(Path(path).stat()) != version
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
