"""Two folders of parts compared: how many nearest neighbours of the same images they share."""

import hashlib
import heapq
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imgvec.bulk.parquet import parquet_vectors
from imgvec.errors import BulkError
from imgvec.types import Vector, Vectors


@dataclass(frozen=True, slots=True)
class Overlap:
    """An image, and the share of its nearest neighbours that both folders have."""

    image_path: str
    share: float


def compare(old: Path, new: Path, sample: int, at: int) -> list[Overlap]:
    """Compare a sample of the images that are in both, those with the least overlap first.

    The sample is by a hash of the paths, so it is the same each time. Parts are read one after the
    other: memory does not grow with their number.

    Raises:
        BulkError: a folder has no parts, or no image of the sample is in both.
    """
    before = dict(heapq.nsmallest(sample, _rows(old), key=lambda row: _order(row[0])))
    after = _found(new, before)
    if not after:
        raise BulkError(f"{new} has none of the images of {old}")
    paths = sorted(after)
    nearest = [
        _nearest(folder, paths, np.stack([vectors[path] for path in paths]), at)
        for folder, vectors in ((old, before), (new, after))
    ]
    shares = [
        Overlap(path, len(one & other) / max(len(one), 1))
        for path, one, other in zip(paths, *nearest, strict=True)
    ]
    return sorted(shares, key=lambda one: (one.share, one.image_path))


def _found(folder: Path, wanted: Collection[str]) -> dict[str, Vector]:
    return {path: vector for path, vector in _rows(folder) if path in wanted}


def _nearest(folder: Path, own: Sequence[str], queries: Vectors, at: int) -> list[set[str]]:
    """The paths of the `at` nearest images of each query, which is not one of its own."""
    best: list[list[tuple[float, str]]] = [[] for _ in own]
    for paths, vectors in _parts(folder):
        similarities = queries @ vectors.T
        # One more than wanted: the image itself is among them.
        most = min(at + 1, len(paths))
        columns = np.argpartition(-similarities, most - 1, axis=1)[:, :most]
        for row, found in enumerate(columns):
            here = [(float(similarities[row, column]), paths[column]) for column in found]
            others = (one for one in here if one[1] != own[row])
            best[row] = heapq.nlargest(at, [*best[row], *others])
    return [{path for _, path in found} for found in best]


def _rows(folder: Path) -> Iterator[tuple[str, Vector]]:
    for paths, vectors in _parts(folder):
        # A copy: a view would keep the whole block in memory.
        yield from ((path, vector.copy()) for path, vector in zip(paths, vectors, strict=True))


def _parts(folder: Path) -> Iterator[tuple[list[str], Vectors]]:
    files = sorted(folder.glob("part-*.parquet"))
    if not files:
        raise BulkError(f"{folder} has no parts in Parquet")
    for file in files:
        yield from parquet_vectors(file)


def _order(path: str) -> bytes:
    return hashlib.sha256(path.encode()).digest()
