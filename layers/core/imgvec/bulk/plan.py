"""The plan of a job: one line of JSON for each image, in an order that never changes again."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import BinaryIO, NamedTuple


class Place(NamedTuple):
    """Where the bytes of a file lie within a tar."""

    tar: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Item:
    """One image of a job."""

    line: int
    """Its line in the plan, from 0."""
    id: str
    """The manifest's own, the name of a tar's member, or the number of the plan's line."""
    path: str
    """A path or an http(s) URL, as it was given; of a tar's member the path of both."""
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """An image as a source names it; without an id it gets its line's number."""

    path: str
    id: str | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan that is written."""

    rows: int
    digest: str
    """SHA-256 of the file, in hex."""


def write_plan(file: BinaryIO, images: Iterable[Named]) -> Plan:
    """Write a line for each image."""
    return _write_lines(file, map(line_of, count(), images))


def line_of(number: int, image: Named) -> bytes:
    """The line of an image."""
    content = {"id": str(number) if image.id is None else image.id, "path": image.path}
    if image.place is not None:
        content |= image.place._asdict()
    # `json` and not `orjson`: a file's name need not be UTF-8, and comes back as it was.
    return json.dumps(content).encode() + b"\n"


def copy_lines(file: BinaryIO, wanted: Iterable[tuple[Path, Sequence[int]]]) -> Plan:
    """Write some lines of plans, in ascending order for each of them, as a plan of their own."""
    return _write_lines(file, _lines(wanted))


def _write_lines(file: BinaryIO, lines: Iterable[bytes]) -> Plan:
    digest, rows = hashlib.sha256(), 0
    for line in lines:
        digest.update(line)
        file.write(line)
        rows += 1
    return Plan(rows, digest.hexdigest())


def _lines(wanted: Iterable[tuple[Path, Sequence[int]]]) -> Iterator[bytes]:
    for path, numbers in wanted:
        with closing(PlanReader(path)) as plan:
            yield from map(plan.line, numbers)


class PlanReader:
    """Reads lines of a plan in ascending order, without any of the others in memory."""

    def __init__(self, path: Path) -> None:
        """Open it before its first line."""
        self._file = path.open("rb")
        self._next = 0

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def line(self, number: int) -> bytes:
        """A line behind those that were read."""
        found = next(islice(self._file, number - self._next, None))
        self._next = number + 1
        return found

    def items(self, begin: int, end: int) -> list[Item]:
        """The images on the lines from `begin` to before `end`."""
        return [item_of(number, self.line(number)) for number in range(begin, end)]


def digest_of(path: Path) -> str:
    """SHA-256 of a plan, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def item_of(number: int, line: bytes) -> Item:
    """The image on a line."""
    content = json.loads(line)
    place = None
    if "tar" in content:
        place = Place(content["tar"], content["offset"], content["size"])
    return Item(number, content["id"], content["path"], place)
