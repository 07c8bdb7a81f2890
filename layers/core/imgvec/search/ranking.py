"""Exact search: the photos whose vectors are most similar to a query's."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgvec.errors import SearchError
from imgvec.search.index import Index
from imgvec.types import Vector

SMALLEST_NORM = 1e-3


class Hit(NamedTuple):
    """A photo, and the cosine of its vector and the query's."""

    path: str
    score: float


def combined(plus: Sequence[Vector], minus: Sequence[Vector]) -> Vector:
    """The sum of some vectors, less that of others, at norm 1.

    Raises:
        SearchError: nothing is left of them.
    """
    total: NDArray[np.float64] = np.zeros(len(plus[0]))
    for vector in plus:
        total += vector
    for vector in minus:
        total -= vector
    norm = np.linalg.norm(total)
    if norm < SMALLEST_NORM:
        raise SearchError("The query is nothing: what is added and what is taken away are the same")
    return (total / norm).astype(np.float32)


def most_similar(index: Index, query: Vector, count: int, inside: Sequence[str] = ()) -> list[Hit]:
    """The `count` best of all photos, or of those in some folders; the best first."""
    slots = index.slots(inside)
    scores = np.dot(index.vectors(slots), query)[slots]
    best = np.arange(len(slots))
    if count < len(slots):
        best = np.argpartition(scores, -count)[-count:]
    best = best[np.lexsort((slots[best], -scores[best]))]
    photos = index.photos(slots[best].tolist())
    pairs = zip(slots[best].tolist(), scores[best].tolist(), strict=True)
    return [Hit(photos[slot].path, score) for slot, score in pairs if slot in photos]
