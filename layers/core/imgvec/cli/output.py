"""Where rows go: JSON lines on standard output, or a file that appears when it is whole."""

import json
import os
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, Protocol, TypeVar

import click
import numpy as np
import orjson

from imgvec.bulk.parts import readable
from imgvec.cli.options import escaped
from imgvec.images.decode import limits_of
from imgvec.search.sheet import Section, sheet
from imgvec.settings import load_settings
from imgvec.types import Vector


@dataclass(frozen=True, slots=True)
class Source:
    """An image's path or URL, or a text."""

    name: str
    kind: Literal["source", "text"] = "source"


@dataclass(frozen=True, slots=True)
class Row:
    """A source and its vector."""

    source: Source
    vector: Vector


class Space(Protocol):
    """The encoder of all rows."""

    name: str
    revision: str
    dimensions: int


T = TypeVar("T")
Write = Callable[[Row], None]


@contextmanager
def open_output(target: str, space: Space) -> Iterator[Write]:
    """Give a function that takes rows; a named file is put in place at the end.

    Beside `x.npy` stand `x.npy.names`, with a line for each row, and `x.npy.json`, with the
    encoder: names of ours alone, so that no file of somebody else's is replaced.

    Raises:
        click.ClickException: the file's ending is not known, or it cannot be written.
    """
    path = Path(target)
    if target == "-":
        yield lambda row: click.echo(_line(row, space), nl=False)
        return
    if path.suffix not in (".jsonl", ".npy"):
        raise click.ClickException("--output must end in .jsonl or .npy, or be -")
    # Told before the work, not after it.
    if path.is_dir():
        raise click.ClickException(f"Cannot write {escaped(str(path))}: it is a folder")
    if not os.access(path.parent, os.W_OK):
        raise click.ClickException(f"Cannot write into the folder {escaped(str(path.parent))}")
    rows: list[Row] = []
    yield rows.append
    if path.suffix == ".jsonl":
        with replaced(path) as file:
            file.writelines(_line(row, space) for row in rows)
        return
    with replaced(path) as file:
        vectors = np.array([row.vector for row in rows], np.float32)
        np.save(file, vectors.reshape(len(rows), space.dimensions))
        with replaced(path.with_name(f"{path.name}.names")) as names:
            names.writelines(f"{escaped(row.source.name)}\n".encode() for row in rows)
        with replaced(path.with_name(f"{path.name}.json")) as description:
            description.write(_description(space, len(rows)))


def _description(space: Space, rows: int) -> bytes:
    content = {
        "model": space.name,
        "revision": space.revision,
        "dimensions": space.dimensions,
        "rows": rows,
    }
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _line(row: Row, space: Space) -> bytes:
    content = {
        row.source.kind: in_json(row.source.name),
        "model": space.name,
        "revision": space.revision[:12],
        "embedding": row.vector,
    }
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE)


def in_json(name: str) -> str | orjson.Fragment:
    """A file's name for `orjson`."""
    text = readable(name)
    # A terminal acts on control characters that orjson leaves as they are.
    return text if text.isprintable() else orjson.Fragment(json.dumps(text))


@contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """A file beside `path` that takes its place once it is whole, and otherwise vanishes."""
    # Of a name that nobody knows before, and "x": never through a link that was laid there.
    partial = path.with_name(f"{path.name}.{secrets.token_hex(8)}.partial")
    try:
        with partial.open("xb") as file:
            yield file
        partial.replace(path)
    except OSError as problem:
        # NumPy, where the disk is full, says no more than how much it wrote.
        reason = problem.strerror or "not all of it could be written"
        raise click.ClickException(f"Cannot write {escaped(str(path))}: {reason}") from None
    finally:
        partial.unlink(missing_ok=True)


def progress(items: Iterator[T], total: int, label: str) -> AbstractContextManager[Iterator[T]]:
    """The items behind a bar on a terminal, and behind nothing elsewhere."""
    if not sys.stderr.isatty():
        return nullcontext(items)
    return click.progressbar(items, length=total, label=label, file=sys.stderr)


def write_sheet(target: str, title: str, sections: Iterable[Section]) -> None:
    """Write a contact sheet.

    Raises:
        click.ClickException: the file cannot be written.
    """
    limits = limits_of(load_settings())
    with replaced(Path(target)) as file:
        file.writelines(piece.encode() for piece in sheet(title, sections, limits))
    click.echo(f"Wrote {escaped(target)}", err=True)
