"""A job in a bucket: its description, its chunks, and what is there of it.

bulk/JOB/job.json             the terms, written when the job is started
bulk/JOB/plan/00000.jsonl     the images, frozen
bulk/JOB/plan.json            the encoder; written when the plan is whole
bulk/JOB/manifest.jsonl       the chunks, one line each
bulk/JOB/parts/00042.parquet  vectors of a chunk; its metadata has their number
bulk/JOB/errors/00042.jsonl   its images without a vector, each with the reason
bulk/JOB/quota, cancelled     why chunks are missing
bulk/JOB/summary.json         the state at the end of the last execution
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Final, Literal, TypeAlias, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError

from imgvec.accounts.chunks import JOB_SECONDS
from imgvec.errors import BulkError
from imgvec.stores.objects import Objects

ROOT: Final = "bulk"
PLAN: Final = "plan.json"
MARGIN_SECONDS: Final = 2 * 24 * 3600.0
"""A job ends so long before the records that count its chunks."""
HEADS: Final = 10
"""Parts whose metadata is read at the same time."""
Flag: TypeAlias = Literal["quota", "cancelled"]
FLAGS: Final[tuple[Flag, ...]] = ("quota", "cancelled")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a job."""

    job: str
    consumer: str
    dimensions: int
    source: str
    """`s3://bucket/prefix/`, or a list or a tar there."""
    created: float


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan of a job, which never changes."""

    model: str
    revision: str
    rows: int
    chunks: int
    manifest: str
    """The key of the list of its chunks."""


@dataclass(frozen=True, slots=True)
class Row:
    """A chunk: lines of a file of the plan."""

    chunk: str
    key: str
    begin: int
    end: int
    first: int
    """Its first line in the whole plan, from 0."""
    rows: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The state of a job: what its parts say."""

    status: Literal["completed", "incomplete", "cancelled"]
    reason: str
    chunks: int
    done: int
    """Chunks whose part is there."""
    rows: int
    images: int
    """Vectors in the parts, and so images that are counted."""
    failed: int
    """Images of those chunks without a vector."""


class BucketJob:
    """A job and its objects."""

    def __init__(self, objects: Objects, job: str) -> None:
        """Nothing is asked of the bucket yet."""
        self.objects = objects
        self.name = job

    def key(self, name: str) -> str:
        """The key of an object of this job."""
        return f"{ROOT}/{self.name}/{name}"

    def part(self, chunk: str) -> str:
        """The key of a part."""
        return self.key(f"parts/{chunk}.parquet")

    def errors(self, chunk: str) -> str:
        """The key of a chunk's failures."""
        return self.key(f"errors/{chunk}.jsonl")

    def save(self, name: str, content: Terms | Summary) -> None:
        """Write a description."""
        self.objects.write(self.key(name), orjson.dumps(asdict(content)))

    def keep_plan(self, planned: Planned) -> Planned:
        """Write the plan, unless another attempt has written one; gives the one that holds."""
        self.objects.write_new(self.key(PLAN), orjson.dumps(asdict(planned)))
        return self.planned() or planned

    def terms(self) -> Terms:
        """The terms.

        Raises:
            BulkError: there is no such job, or it is too old to be counted once.
        """
        found = self._read("job.json", _TERMS)
        if found is None:
            raise BulkError(f"There is no job {self.name}")
        if time.time() > found.created + JOB_SECONDS - MARGIN_SECONDS:
            raise BulkError(f"The job {self.name} is older than 28 days: start a new one")
        return found

    def planned(self) -> Planned | None:
        """The plan; None before it is whole."""
        return self._read(PLAN, _PLANNED)

    def rows(self) -> Iterator[Row]:
        """The chunks; none before the plan is whole."""
        planned = self.planned()
        if planned is not None:
            for line in (self.objects.read(planned.manifest) or b"").splitlines():
                yield _ROW.validate_json(line)

    def flag(self, name: Flag) -> None:
        """Note why chunks will be missing."""
        self.objects.write(self.key(name), b"")

    def flagged(self, name: Flag) -> bool:
        """Whether it is noted."""
        return self.objects.exists(self.key(name))

    def unflag(self) -> None:
        """Forget both, before a new execution."""
        for name in FLAGS:
            self.objects.delete(self.key(name))

    def parts(self) -> dict[str, int]:
        """The chunks whose part is there, each with its number of images."""
        keys = list(self.objects.keys(self.key("parts/")))
        with ThreadPoolExecutor(HEADS) as threads:
            numbers = threads.map(self.objects.images, keys)
            found = zip(keys, numbers, strict=True)
            return {_chunk_of(key): images for key, images in found if images is not None}

    def summary(self) -> Summary:
        """Compare the parts with the plan."""
        rows, parts = list(self.rows()), self.parts()
        done = [row for row in rows if row.chunk in parts]
        images = sum(parts[row.chunk] for row in done)
        status, reason = self._status(bool(rows) and len(done) == len(rows))
        total = sum(row.rows for row in rows)
        failed = sum(row.rows for row in done) - images
        return Summary(status, reason, len(rows), len(done), total, images, failed)

    def _status(self, whole: bool) -> tuple[Literal["completed", "incomplete", "cancelled"], str]:
        if whole:
            return "completed", ""
        if self.flagged("cancelled"):
            return "cancelled", ""
        return "incomplete", "quota" if self.flagged("quota") else "failed"

    def _read(self, name: str, form: TypeAdapter[T]) -> T | None:
        data = self.objects.read(self.key(name))
        try:
            return None if data is None else form.validate_json(data)
        except ValidationError:
            raise BulkError(f"{self.key(name)} is damaged: start a new job") from None


_TERMS: Final = TypeAdapter(Terms)
_PLANNED: Final = TypeAdapter(Planned)
_ROW: Final = TypeAdapter(Row)


def _chunk_of(key: str) -> str:
    return key.rpartition("/")[2].removesuffix(".parquet")
