"""Where rows go: JSON lines on standard output, or a file that appears when it is whole."""

import os
import sys
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


@contextmanager
def open_output(target: str) -> Iterator[Write]:
    """Give a function that takes rows; a named file is put in place at the end.

    Raises:
        click.ClickException: the file's ending is not known, or it cannot be written.
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
    rows: list[Row] = []
    yield rows.append
    if path.suffix == ".jsonl":
        with _replaced(path) as file:
            file.writelines(map(_line, rows))
        return
    with _replaced(path) as file, _replaced(path.with_suffix(".txt")) as names:
        np.save(file, np.array([row.vector for row in rows], np.float32))
        names.writelines(os.fsencode(row.source) + b"\n" for row in rows)


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
    """A file beside `path` that takes its place once it is whole, and otherwise vanishes."""
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            yield file
        partial.replace(path)
    except OSError as problem:
        raise click.ClickException(f"Cannot write {path}: {problem.strerror}") from None
    finally:
        partial.unlink(missing_ok=True)
