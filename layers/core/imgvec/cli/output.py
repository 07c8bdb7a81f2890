"""Where rows go: JSON lines on standard output, or a file that appears when it is whole."""

import os
import secrets
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import click
import numpy as np
import orjson

from imgvec.types import Vector


@dataclass(frozen=True, slots=True)
class Row:
    """A source and its vector, or the reason why there is none."""

    source: str
    vector: Vector | None
    model: str
    revision: str
    problem: str | None = None


Write = Callable[[Row], None]


def escaped(name: str) -> str:
    """A name without line breaks, escape sequences and invisible characters, for one line."""
    return "".join(
        char.encode("unicode_escape").decode() if unicodedata.category(char) in _UNSEEN else char
        for char in name
    )


_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp"})
"""Unicode categories: control, format (direction overrides), line and paragraph separators."""


@contextmanager
def open_output(target: str, dimensions: int) -> Iterator[Write]:
    """Give a function that takes rows; a named file is put in place at the end.

    Raises:
        click.ClickException: the file's ending is not known, it cannot be written, or the list of
            names beside it would replace a file of somebody else.
    """
    path = Path(target)
    if target == "-":
        yield lambda row: _print(_line(row))
        return
    if path.suffix not in (".jsonl", ".npy"):
        raise click.ClickException("--output must end in .jsonl or .npy, or be -")
    if not os.access(path.parent, os.W_OK):
        # Told before the work, not after it.
        raise click.ClickException(f"Cannot write into the folder {path.parent}")
    if path.suffix == ".npy":
        _check_names(path)
    rows: list[Row] = []
    yield rows.append
    if path.suffix == ".jsonl":
        with _replaced(path) as file:
            file.writelines(map(_line, rows))
        return
    with _replaced(path) as file, _replaced(path.with_suffix(".txt")) as names:
        vectors = np.array([row.vector for row in rows], np.float32)
        np.save(file, vectors.reshape(len(rows), dimensions))
        names.writelines(os.fsencode(escaped(row.source)) + b"\n" for row in rows)


def _check_names(path: Path) -> None:
    """Check that the list of names may be written: there is none, or one as long as the array."""
    names = path.with_suffix(".txt")
    if not names.exists():
        return
    try:
        with names.open("rb") as file:
            ours = len(np.load(path, mmap_mode="r")) == sum(1 for _ in file)
    except (OSError, ValueError, TypeError):
        ours = False
    if not ours:
        raise click.ClickException(
            f"{escaped(str(names))} would hold the names of the rows, and is there already: move "
            "it away, or choose another name for --output"
        )


def _line(row: Row) -> bytes:
    content = {
        # JSON is Unicode, and a file's name need not be.
        "source": os.fsencode(row.source).decode(errors="replace"),
        "model": row.model,
        "revision": row.revision[:12],
        "embedding": row.vector,
    }
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE)


def _print(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


@contextmanager
def _replaced(path: Path) -> Iterator[BinaryIO]:
    """A file beside `path` that takes its place once it is whole, and otherwise vanishes.

    It is made anew under a name that nobody knows: a link that lies there is never followed.
    """
    partial = path.with_name(f"{path.name}.{secrets.token_hex(8)}.partial")
    try:
        with partial.open("xb") as file:
            yield file
        partial.replace(path)
    except OSError as problem:
        raise click.ClickException(f"Cannot write {path}: {problem.strerror}") from None
    finally:
        partial.unlink(missing_ok=True)
