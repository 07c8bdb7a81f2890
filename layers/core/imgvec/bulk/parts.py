"""A part of a job: files that are on the disk when its last one has its name, and not before."""

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final, Literal, Protocol, TypeAlias, get_args

import numpy as np
import orjson

from imgvec.bulk.chunk import Chunk, Failure
from imgvec.bulk.parquet import ParquetFile
from imgvec.encoder import Encoder
from imgvec.types import Vectors

Format: TypeAlias = Literal["parquet", "npy", "jsonl", "clip-retrieval"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)
TEXTS: Final = ("id", "image_path", "sha256", "revision")
"""The columns beside `embedding`."""
PARTIAL: Final = ".partial"
"""The end of the names of files that are being written."""
Write: TypeAlias = Callable[[Chunk], None]


class Rows(Protocol):
    """Files of one part that are being written."""

    def write(self, columns: Sequence[Sequence[str]], vectors: Vectors) -> None:
        """Write rows: a column for each of `TEXTS`, and a vector each."""

    def close(self) -> None:
        """Write what stands at the end of the files."""


def part_path(folder: Path, number: int, form: Format) -> Path:
    """The file of a part that appears last: where it is, the part is whole."""
    if form == "clip-retrieval":
        return folder / "img_emb" / f"img_emb_{number}.npy"
    return folder / f"part-{number:05}.{form}"


def errors_path(folder: Path, number: int) -> Path:
    """The file of a part's failures, one line of JSON each.

    Arrow, pandas and Spark skip names that begin with `_` when they read a folder.
    """
    return folder / f"_errors-{number:05}.jsonl"


@contextmanager
def open_part(folder: Path, number: int, form: Format, encoder: Encoder) -> Iterator[Write]:
    """Give a function that takes chunks; the part is there when the block has ended well.

    Raises:
        BulkError: the format's library is not installed.
        OSError: it cannot be written.
    """
    path = part_path(folder, number, form)
    with ExitStack() as files:
        # Renamed in the opposite order: the part itself appears last.
        file = files.enter_context(appearing(path))
        errors = files.enter_context(appearing(errors_path(folder, number)))
        beside = (
            files.enter_context(appearing(_beside(folder, number, form)))
            if form in ("npy", "clip-retrieval")
            else None
        )
        rows = _rows(form, file, beside, encoder.dimensions)

        def write(chunk: Chunk) -> None:
            rows.write(columns_of(chunk, encoder.revision), chunk.vectors)
            errors.writelines(map(failure_line, chunk.failures))

        try:
            yield write
        except BaseException:
            with suppress(OSError):
                rows.close()
            raise
        rows.close()


@contextmanager
def appearing(path: Path) -> Iterator[BinaryIO]:
    """A file that gets its name when it is on the disk, and otherwise vanishes."""
    path.parent.mkdir(exist_ok=True)
    partial = path.with_name(f"{path.name}.{secrets.token_hex(8)}{PARTIAL}")
    try:
        with partial.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        _sync(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """A name is on the disk when its folder is."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _beside(folder: Path, number: int, form: Format) -> Path:
    if form == "npy":
        return folder / f"part-{number:05}.jsonl"
    return folder / "metadata" / f"metadata_{number}.parquet"


def _rows(form: Format, file: BinaryIO, beside: BinaryIO | None, dimensions: int) -> Rows:
    if form == "parquet":
        return ParquetFile(file, TEXTS, dimensions)
    if beside is None:
        return _JsonLines(file, vectors=True)
    if form == "npy":
        return _Array(file, _JsonLines(beside, vectors=False), dimensions)
    return _Array(file, ParquetFile(beside, TEXTS), dimensions)


class _JsonLines:
    def __init__(self, file: BinaryIO, *, vectors: bool) -> None:
        self._file = file
        self._vectors = vectors

    def write(self, columns: Sequence[Sequence[str]], vectors: Vectors) -> None:
        for row, vector in zip(zip(*columns, strict=True), vectors, strict=True):
            content: dict[str, object] = dict(zip(TEXTS, row, strict=True))
            if self._vectors:
                content["embedding"] = vector
            options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE
            self._file.write(orjson.dumps(content, option=options))

    def close(self) -> None:
        """Write nothing more."""


class _Array:
    """An array of NumPy, whose header is written once more when its rows are counted."""

    def __init__(self, file: BinaryIO, beside: Rows, dimensions: int) -> None:
        self._file = file
        self._beside = beside
        self._shape = [0, dimensions]
        self._header()

    def write(self, columns: Sequence[Sequence[str]], vectors: Vectors) -> None:
        self._file.write(vectors.tobytes())
        self._shape[0] += len(vectors)
        self._beside.write(columns, vectors)

    def close(self) -> None:
        try:
            self._file.seek(0)
            self._header()
            self._file.seek(0, os.SEEK_END)
        finally:
            self._beside.close()

    def _header(self) -> None:
        # NumPy leaves room in it for 21 digits of the first number.
        description = {"descr": "<f4", "fortran_order": False, "shape": tuple(self._shape)}
        np.lib.format.write_array_header_1_0(self._file, description)


def columns_of(chunk: Chunk, revision: str) -> list[list[str]]:
    """The columns of `TEXTS`."""
    return [
        [readable(item.id) for item in chunk.items],
        [readable(item.path) for item in chunk.items],
        chunk.digests,
        [revision] * len(chunk.items),
    ]


def failure_line(failure: Failure) -> bytes:
    """A failure as a line of JSON."""
    item = failure.item
    content = {
        "line": item.line,
        "id": readable(item.id),
        "image_path": readable(item.path),
        "error": failure.reason,
    }
    return orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE)


def readable(name: str) -> str:
    """A name as Unicode: a file's name need not be UTF-8, and all formats are."""
    return os.fsencode(name).decode(errors="replace")
