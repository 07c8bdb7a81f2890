"""The plan of a job in a bucket: its images, frozen, and its chunks, each a range of them."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import count, islice
from pathlib import Path, PurePosixPath
from typing import Final

import orjson

from imgvec.bulk.bucket import BucketJob, Planned, Row
from imgvec.bulk.manifests import reader_of, tar_images
from imgvec.bulk.mapped import SCHEME, split
from imgvec.bulk.plan import Named, line_of
from imgvec.embedding.written import is_url
from imgvec.encoders import Encoder
from imgvec.errors import BulkError
from imgvec.ids import base62
from imgvec.stores.objects import Objects

CHUNKS_OF_A_FILE: Final = 100
MOST_CHUNKS: Final = 100_000
"""The children's results together are at most 256 KiB."""
COPY: Final = 8 << 20


def plan(job: BucketJob, encoder: Encoder, rows: int) -> Planned:
    """Write the plan, in chunks of so many rows; one that is whole stays as it is.

    Raises:
        BulkError: there are no images, or too many, or a list cannot be read.
    """
    found = job.planned()
    if found is not None:
        return found
    place = job.key(f"plan/{base62(8)}")
    chunks: list[Row] = []
    for chunk in _chunks(job, place, images_of(job.objects, job.terms().source), rows):
        chunks.append(chunk)
        if len(chunks) > MOST_CHUNKS:
            raise BulkError(f"There are more than {MOST_CHUNKS * rows:,} images: make several jobs")
    if not chunks:
        raise BulkError("There are no images")
    manifest = b"".join(
        orjson.dumps(asdict(chunk), option=orjson.OPT_APPEND_NEWLINE) for chunk in chunks
    )
    key, total = f"{place}/manifest.jsonl", sum(chunk.rows for chunk in chunks)
    job.objects.write(key, manifest)
    planned = Planned(encoder.name, encoder.revision, total, len(chunks), key)
    return job.keep_plan(planned)


def _chunks(job: BucketJob, place: str, images: Iterator[Named], rows: int) -> Iterator[Row]:
    lines, number, first = map(line_of, count(), images), 0, 0
    for file in count():
        key, data = f"{place}/{file:05}.jsonl", bytearray()
        for _ in range(CHUNKS_OF_A_FILE):
            block = list(islice(lines, rows))
            if not block:
                break
            begin = len(data)
            data += b"".join(block)
            yield Row(f"{number:05}", key, begin, len(data), first, len(block))
            number += 1
            first += len(block)
        if not data:
            return
        job.objects.write(key, bytes(data))


def images_of(objects: Objects, source: str) -> Iterator[Named]:
    """The images of a list, of a tar, or of all keys with a prefix; tars among these are opened.

    Raises:
        BulkError: a list or a tar is absent, or cannot be read.
    """
    bucket, key = split(source)
    there = objects.beside(bucket)
    if PurePosixPath(key).suffix.lower() != ".tar" and reader_of(key) is not None:
        yield from (_absolute(bucket, one) for one in _listed(there, key))
        return
    for one in there.keys(key):
        path = f"{SCHEME}{bucket}/{one}"
        if one.lower().endswith(".tar"):
            yield from _tar(there, one, path)
        elif not one.endswith("/"):
            yield Named(path)


def _listed(objects: Objects, key: str) -> Iterator[Named]:
    opened, read = objects.open(key), reader_of(key)
    if opened is None or read is None:
        raise BulkError(f"{key} does not exist")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, PurePosixPath(key).name)
        with opened, path.open("wb") as file:
            shutil.copyfileobj(opened, file, COPY)
        yield from read(path)


def _tar(objects: Objects, key: str, path: str) -> Iterator[Named]:
    opened = objects.open(key)
    if opened is None:
        raise BulkError(f"{key} does not exist")
    with opened:
        yield from tar_images(path, opened)


def _absolute(bucket: str, image: Named) -> Named:
    """A path without a bucket lies in that of the list."""
    if is_url(image.path) or image.path.startswith(SCHEME):
        return image
    return replace(image, path=f"{SCHEME}{bucket}/{image.path.lstrip('/')}")
