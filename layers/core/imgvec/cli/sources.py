"""The sources of `imgvec embed`: files and folders by what is in them, URLs, standard input."""

import errno
import os
import stat
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

import click

from imgvec.cli.options import escaped
from imgvec.embedding.written import is_url
from imgvec.images.formats import HEAD, begins_as_image, format_not_read, formats_read, hint_for
from imgvec.settings import ExtraFormat

STANDARD_INPUT: Final = "-"
NO_IMAGE: Final = "not an image"
LEADS_OUT: Final = "link that leads out"


@dataclass(slots=True)
class Found:
    """Sources in order, and the rest of what was searched."""

    sources: list[str] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)
    """Files and links of folders that are no sources, counted by the reason."""
    closed: list[str] = field(default_factory=list)
    """Folders that could not be read, each with the reason."""
    extra: tuple[ExtraFormat, ...] = ()
    """Formats that are read beside the usual."""

    @property
    def others(self) -> str:
        """The files that were skipped, and how to read them; empty where none was."""
        if not self.left:
            return ""
        counts = ", ".join(f"{reason}: {count}" for reason, count in sorted(self.left.items()))
        formats = sorted(self.left.keys() - {NO_IMAGE, LEADS_OUT})
        if not formats and self.sources:
            return f"Skipped in folders: {counts}"
        hints = [hint for hint in map(hint_for, formats) if hint]
        read = f"{formats_read('and', self.extra)} are read"
        return f"Skipped in folders: {counts}. {'; '.join((read, *hints))}"


IsKnown: TypeAlias = Callable[[str, os.stat_result], bool]
"""Whether a file is a source as it was found before, so that it is not opened once more."""


def find_sources(
    given: Iterable[str],
    extra: Iterable[ExtraFormat] = (),
    is_known: IsKnown = lambda path, status: False,
) -> Found:
    """Search folders in depth, in the order of names; all else stands as it is given.

    A folder's file is a source if its first bytes are those of an image. A link of a folder is
    followed to a file that lies in that folder, and to nothing else. `extra` are formats to look
    for beside the usual.

    Raises:
        click.ClickException: a path does not exist.
    """
    found = Found(extra=tuple(extra))
    found.sources += iter_sources(given, found, is_known)
    return found


def iter_sources(
    given: Iterable[str],
    found: Found,
    is_known: IsKnown = lambda path, status: False,
) -> Iterator[str]:
    """The same one after the other, not kept in `found`; the rest of the search is noted there."""
    for name in given:
        if name == STANDARD_INPUT or is_url(name) or is_file(name):
            yield name
        elif is_folder(name):
            yield from _Search(Path(name), is_known, found).files()
        else:
            raise click.ClickException(f"There is no file or folder {name!r}")


def read_standard_input(most: int | None = None) -> bytes:
    """All of it, or `most` bytes and one more.

    Raises:
        click.ClickException: it is closed.
    """
    try:
        if sys.stdin is None:
            # Its number may be another file's by now.
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        with open(0, "rb", closefd=False) as file:
            return file.read() if most is None else file.read(most + 1)
    except OSError as problem:
        raise click.ClickException(f"Cannot read standard input: {problem.strerror}") from None


def read_lines(name: str) -> list[str]:
    """The lines of a text file, or of standard input, that are not blank.

    Raises:
        click.ClickException: it cannot be read, or is no UTF-8.
    """
    data = read_standard_input() if name == STANDARD_INPUT else _read(name)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise click.ClickException(f"Line {line} of {name!r} is not UTF-8") from None
    return [line.strip() for line in text.split("\n") if line.strip()]


def _read(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as problem:
        raise click.ClickException(f"Cannot read {name!r}: {problem.strerror}") from None


def is_file(name: str) -> bool:
    """Whether a name is that of a file; a text that is too long to be one is not."""
    return _is(Path(name), Path.is_file)


def is_folder(name: str) -> bool:
    """Whether a name is that of a folder."""
    return _is(Path(name), Path.is_dir)


def _is(path: Path, kind: Callable[[Path], bool]) -> bool:
    try:
        return kind(path)
    except OSError:
        # A path that is too long, or a folder that may not be looked into.
        return False


class _Search:
    """The search of one folder; names that begin with a dot are not looked at."""

    def __init__(self, root: Path, is_known: IsKnown, found: Found) -> None:
        self._root = root
        self._real = root.resolve()
        self._is_known = is_known
        self._found = found

    def files(self) -> Iterator[str]:
        """The sources, in the order of names; one folder's names at a time are in memory."""
        open_folders = [self._entries(self._root)]
        while open_folders:
            path, folder = next(open_folders[-1], (None, False))
            if path is None:
                open_folders.pop()
            elif not folder:
                if self._is_source(path):
                    yield str(path)
            # A folder inside is searched where it lies, and not once more through a link.
            elif self._leads_out(path):
                self._leave(LEADS_OUT)
            elif not _is(path, Path.is_symlink):
                open_folders.append(self._entries(path))

    def _entries(self, folder: Path) -> Iterator[tuple[Path, bool]]:
        """The entries of a folder, each with whether it is a folder itself."""
        try:
            with os.scandir(folder) as entries:
                # Names and not paths, which take five times the memory.
                found = sorted((entry.name, entry.is_dir()) for entry in entries)
        except OSError as problem:
            self._closed(problem)
            return
        for name, inside in found:
            if not name.startswith("."):
                yield folder / name, inside

    def _closed(self, problem: OSError) -> None:
        name = escaped(str(problem.filename))
        self._found.closed.append(f"{name}: {problem.strerror}")

    def _leave(self, reason: str) -> None:
        self._found.left[reason] += 1

    def _leads_out(self, path: Path) -> bool:
        return _is(path, Path.is_symlink) and not path.resolve().is_relative_to(self._real)

    def _is_source(self, file: Path) -> bool:
        try:
            if self._leads_out(file):
                self._leave(LEADS_OUT)
                return False
            status = file.stat()
            if self._is_known(str(file), status):
                return True
            # To open a pipe or a device would wait for somebody, or do something.
            head = _head(file) if stat.S_ISREG(status.st_mode) else b""
        except FileNotFoundError:
            head = b""
        except (OSError, RuntimeError):
            # Named, with the reason, when it is to be embedded.
            return True
        if begins_as_image(head, self._found.extra):
            return True
        self._leave(format_not_read(head) or NO_IMAGE)
        return False


def _head(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(HEAD)
