"""One chunk of a job in a bucket: embedded, written and counted exactly once.

A part is written once, by a conditional write, and its number of images is its metadata. Another
attempt at the same chunk first looks for the part, and then only finishes the count.
"""

import asyncio
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Literal

import numpy as np

from imgvec.accounts.chunks import ChunkMeter
from imgvec.accounts.deletion import is_active
from imgvec.accounts.metering import Charge
from imgvec.bulk.bucket import BucketJob, Planned, Row, Terms
from imgvec.bulk.chunk import Chunk, Failure
from imgvec.bulk.parquet import ParquetFile
from imgvec.bulk.parts import TEXTS, columns_of, failure_line
from imgvec.bulk.plan import Item, Place, item_of
from imgvec.embedding.service import EmbeddingService
from imgvec.embedding.types import ImageInput, ImageRead, ImageSource, ImageUrl, Prepared, each
from imgvec.embedding.written import is_url
from imgvec.encoders import Encoder
from imgvec.errors import BulkError, FetchFailed, ImageTooLarge, QuotaExhausted, SpaceForbidden
from imgvec.stores import Store
from imgvec.stores.objects import Objects
from imgvec.stores.s3 import RejectedError
from imgvec.types import Principal, RequestContext

DIALECT: Final = "bulk"
"""In the usage report; also in the place of a key's id, since a job has no key."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one attempt at a chunk."""

    chunk: str
    outcome: Literal["done", "quota", "cancelled"]
    images: int = 0


@dataclass(frozen=True, slots=True)
class _Task:
    """A chunk to be written, and the terms that it is counted by."""

    part: str
    errors: str
    row: Row
    charge: Charge
    encoder: Encoder


class Worker:
    """Embeds chunks in this process, one at a time."""

    def __init__(
        self, objects: Objects, store: Store, service: EmbeddingService, max_image: int
    ) -> None:
        """`objects` is the bucket of jobs; `max_image` the most bytes of an image."""
        self._objects = objects
        self._store = store
        self._service = service
        self._max_image = max_image
        self._meter = ChunkMeter(store)
        self._loop = asyncio.Runner()

    def close(self) -> None:
        """End the loop."""
        self._loop.close()

    def embed(self, job: BucketJob, row: Row) -> Outcome:
        """Embed a chunk, or finish what an earlier attempt has begun.

        Raises:
            BulkError: the job cannot go on.
            StoreError, TooFast, InternalFault: another attempt may succeed.
        """
        terms, planned = job.terms(), job.planned()
        if planned is None:
            raise BulkError(f"The job {job.name} has no plan")
        if job.flagged("cancelled"):
            return Outcome(row.chunk, "cancelled")
        task = self._task(job, terms, planned, row)
        images = self._objects.images(task.part)
        if images is None:
            try:
                images = self._write(task)
            except QuotaExhausted:
                job.flag("quota")
                return Outcome(row.chunk, "quota")
        elif images:
            self._meter.finish(task.charge, images)
        return Outcome(row.chunk, "done", images)

    def _task(self, job: BucketJob, terms: Terms, planned: Planned, row: Row) -> _Task:
        encoder = self._service.encoders.named(planned.model)
        if encoder is None or encoder.revision != planned.revision:
            raise BulkError(f"The encoder has changed: start a new job in place of {terms.job}")
        consumer = self._store.find_consumer(terms.consumer)
        if consumer is None or not is_active(consumer):
            raise BulkError(f"The consumer {terms.consumer} was deleted")
        plan = self._store.plan_of(terms.consumer)
        if plan is not None and not plan.allows(terms.dimensions):
            raise SpaceForbidden
        context = RequestContext(f"bulk {terms.job}/{row.chunk}", DIALECT, "")
        principal = Principal(terms.consumer, DIALECT, plan)
        charge = Charge(principal, context, terms.dimensions, planned.revision)
        return _Task(job.part(row.chunk), job.errors(row.chunk), row, charge, encoder)

    def _write(self, task: _Task) -> int:
        """Embed the chunk, write its part and count it; gives the images of the part."""
        self._meter.check_spent(task.charge.principal, 1)
        prepared, failures = self._prepared(self._items(task.row), task)
        hold = self._meter.begin(task.charge, len(prepared)) if prepared else None
        try:
            written = self._put(task, self._encoded(prepared, failures, task))
        except BaseException:
            if hold is not None:
                self._meter.release(hold)
            raise
        if written and (hold is None or self._meter.count(hold)):
            return len(prepared)
        if hold is not None and not written:
            self._meter.release(hold)
        # Another attempt has written the part, or has taken the record over.
        images = self._objects.images(task.part) or 0
        if images:
            self._meter.finish(task.charge, images)
        return images

    def _put(self, task: _Task, chunk: Chunk) -> bool:
        self._objects.write(task.errors, b"".join(map(failure_line, chunk.failures)))
        return self._objects.write_new(task.part, _parquet(chunk, task.charge), len(chunk.items))

    def _items(self, row: Row) -> list[Item]:
        lines = self._objects.read(row.key, row.begin, row.end)
        if lines is None:
            raise BulkError(f"{row.key} is gone")
        return [item_of(row.first + place, line) for place, line in enumerate(lines.splitlines())]

    def _prepared(
        self, items: Sequence[Item], task: _Task
    ) -> tuple[list[tuple[Item, Prepared]], list[Failure]]:
        images = [ImageInput(self._source(item)) for item in items]
        wanted = replace(each(images, task.charge.dimensions), encoder=task.encoder.name)
        made = self._loop.run(self._service.prepare_each(task.charge.principal, wanted))
        kept, failures = [], []
        for item, one in zip(items, made, strict=True):
            if isinstance(one, Prepared):
                kept.append((item, one))
            else:
                failures.append(Failure(item, one.message))
        return kept, failures

    def _encoded(
        self, prepared: Sequence[tuple[Item, Prepared]], failures: list[Failure], task: _Task
    ) -> Chunk:
        dimensions, consumer = task.charge.dimensions, task.charge.principal.consumer
        vectors = np.empty((len(prepared), dimensions), np.float32)
        if prepared:
            images = [one for _, one in prepared]
            vectors[:] = self._loop.run(
                self._service.encode_each(consumer, task.encoder, dimensions, images)
            )
        digests = [one.digest.hex() for _, one in prepared]
        return Chunk([item for item, _ in prepared], digests, vectors, failures)

    def _source(self, item: Item) -> ImageSource:
        if item.place is not None:
            return ImageRead(partial(self._member, item.place))
        return (
            ImageUrl(item.path)
            if is_url(item.path)
            else ImageRead(partial(self._object, item.path))
        )

    def _member(self, place: Place) -> bytes:
        if place.size > self._max_image:
            raise ImageTooLarge.over(self._max_image)
        return self._read(place.tar, place.offset, place.offset + place.size)

    def _object(self, path: str) -> bytes:
        return self._read(path, 0, self._max_image + 1)

    def _read(self, path: str, begin: int, end: int) -> bytes:
        bucket, key = split(path)
        try:
            data = self._objects.beside(bucket).read(key, begin, end)
        except RejectedError:
            raise FetchFailed("S3 rejects the read of this object") from None
        if data is None:
            raise FetchFailed("There is no such object")
        if len(data) > self._max_image:
            raise ImageTooLarge.over(self._max_image)
        return data


def split(path: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`."""
    bucket, _, key = path.removeprefix(SCHEME).partition("/")
    return bucket, key


SCHEME: Final = "s3://"


def _parquet(chunk: Chunk, charge: Charge) -> bytes:
    file = io.BytesIO()
    writer = ParquetFile(file, TEXTS, charge.dimensions)
    writer.write(columns_of(chunk, charge.revision), chunk.vectors)
    writer.close()
    return file.getvalue()
