"""Brings an index up to date with the photos in some folders."""

import os
from collections.abc import Iterator, Mapping, Sequence
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
    """What a run has to do."""

    wanted: list[tuple[str, Version | None]] = field(default_factory=list)
    """Photos to embed; without a version where the file cannot be looked at."""
    new: int = 0
    gone: list[str] = field(default_factory=list)
    unchanged: int = 0
    damaged: int = 0
    """Those that were damaged before and have not changed."""


def version_of(status: os.stat_result) -> Version:
    """The version of a file as it is."""
    return Version(status.st_size, status.st_mtime_ns)


def find_changes(known: Mapping[str, Known], found: Sequence[str]) -> Changes:
    """Compare the photos that an index has in some folders with those that are found there."""
    changes = Changes()
    paths = dict.fromkeys(map(_unlinked, found))
    for path in paths:
        before, version = known.get(path), _version(path)
        if before is None or before.version != version:
            changes.wanted.append((path, version))
            changes.new += before is None
        elif before.problem is None:
            changes.unchanged += 1
        else:
            changes.damaged += 1
    changes.gone = sorted(
        path for path in known.keys() - paths.keys() if _is_gone(path, known[path].version)
    )
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


def _unlinked(path: str) -> str:
    """The file itself, so that it stands in the index once."""
    return os.path.realpath(path) if Path(path).is_symlink() else path


def _version(path: str) -> Version | None:
    try:
        return version_of(Path(path).stat())
    except OSError:
        return None


def _is_gone(path: str, version: Version) -> bool:
    """Whether a photo was deleted, or is no image any more; one out of reach is kept."""
    try:
        return version_of(Path(path).stat()) != version
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
