"""Lists of images: text, CSV, JSON lines and Parquet; and tars of images (webdataset's form)."""

import csv
import json
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final, TypeAlias

from imgvec.bulk.parquet import parquet_rows
from imgvec.bulk.plan import Named, Place
from imgvec.errors import BulkError
from imgvec.images.formats import HEAD, begins_as_image

COLUMNS: Final = ("url", "path")
"""Columns that can have the image; `id` is optional beside them."""
Reader: TypeAlias = Callable[[Path], Iterator[Named]]


def reader_of(name: str) -> Reader | None:
    """The function that reads a file of this name; None where it is no list and no tar."""
    return READERS.get(PurePosixPath(name).suffix.lower())


def _text(path: Path) -> Iterator[Named]:
    for line in _lines(path):
        if line.strip():
            yield Named(line.strip())


def _csv(path: Path) -> Iterator[Named]:
    rows = csv.DictReader(_lines(path))
    try:
        yield from _named(path, rows)
    except csv.Error as problem:
        raise BulkError(f"{path}, line {rows.line_num}: {problem}") from None


def _json_lines(path: Path) -> Iterator[Named]:
    yield from _named(path, _objects(path))


def _objects(path: Path) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        try:
            content = json.loads(line)
        except ValueError:
            raise BulkError(f"{path}, line {number}: it is not JSON") from None
        if not isinstance(content, dict):
            raise BulkError(f"{path}, line {number}: it is not a JSON object")
        yield content


def _parquet(path: Path) -> Iterator[Named]:
    yield from _named(path, parquet_rows(path, (*COLUMNS, "id")))


def _named(path: Path, rows: Iterable[Mapping[str, Any]]) -> Iterator[Named]:
    for number, row in enumerate(rows, 1):
        image = next((row[name] for name in COLUMNS if row.get(name)), None)
        if not isinstance(image, str):
            columns = " or ".join(f"`{name}`" for name in COLUMNS)
            raise BulkError(f"{path}, row {number}: it has no text in {columns}")
        own = row.get("id")
        yield Named(image, None if own is None else str(own))


def _tar(path: Path) -> Iterator[Named]:
    with path.open("rb") as file:
        yield from tar_images(str(path), file)


def tar_images(name: str, file: IO[bytes]) -> Iterator[Named]:
    """The images of a tar, which `name` leads to.

    Raises:
        BulkError: it is no tar, or it is compressed.
    """
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            for member in tar:
                if not member.isfile():
                    continue
                opened = tar.extractfile(member)
                if opened is not None and begins_as_image(opened.read(HEAD), ()):
                    inside = PurePosixPath(member.name)
                    place = Place(name, member.offset_data, member.size)
                    yield Named(f"{name}/{inside}", str(inside.with_suffix("")), place)
    except tarfile.TarError:
        raise BulkError(f"{name}: it is no tar, or it is compressed: unpack it first") from None


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line in file:
                yield line.rstrip("\r\n") + "\n"
    except UnicodeDecodeError:
        raise BulkError(f"{path}: it is not UTF-8") from None


READERS: Final[Mapping[str, Reader]] = {
    ".txt": _text,
    ".csv": _csv,
    ".jsonl": _json_lines,
    ".parquet": _parquet,
    ".tar": _tar,
}
