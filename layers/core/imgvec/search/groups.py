"""Groups of photos in which each is as similar to every other: complete linkage, no chains."""

import heapq
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from imgvec.errors import SearchError
from imgvec.types import Vectors

BLOCK: Final = 1024
"""Rows whose similarities are computed at once."""
MOST_PAIRS: Final = 3_000_000
"""About 600 MB of memory."""
ROUNDING: Final = 1e-6
"""Two vectors of the same photo have a cosine that is 1 within this."""


class Pair(NamedTuple):
    """Two rows and their cosine, the lower row first."""

    one: int
    other: int
    similarity: float


class Group(NamedTuple):
    """Rows, and the cosine of the two that are least similar."""

    rows: list[int]
    least: float


def blocks(count: int) -> range:
    """The first rows of the blocks of `count` rows."""
    return range(0, count, BLOCK)


def pairs_of(vectors: Vectors, start: int, at: float) -> list[Pair]:
    """The pairs of a block's rows with later rows whose cosine is `at` or more."""
    similarities = vectors[start : start + BLOCK] @ vectors[start:].T
    ones, others = np.nonzero(similarities >= at - ROUNDING)
    later = others > ones
    ones, others = ones[later], others[later]
    found = similarities[ones, others]
    columns = ((ones + start).tolist(), (others + start).tolist(), found.tolist())
    return [Pair(*row) for row in zip(*columns, strict=True)]


class Linkage:
    """Joins the two most similar groups again and again, while all their rows are similar.

    The similarity of two groups is that of their least similar rows, so a chain a-b-c, in which a
    and c are not similar, is never one group.
    """

    def __init__(self) -> None:
        """Without pairs no row is in a group."""
        self._near: dict[int, dict[int, float]] = {}
        self._pairs = 0

    def add(self, pairs: Sequence[Pair]) -> None:
        """Add pairs that are similar enough.

        Raises:
            SearchError: there are too many of them.
        """
        self._pairs += len(pairs)
        if self._pairs > MOST_PAIRS:
            raise SearchError(
                f"More than {MOST_PAIRS:,} pairs are that similar: give a higher --at, or a "
                "folder with fewer photos"
            )
        for one, other, similarity in pairs:
            self._near.setdefault(one, {})[other] = similarity
            self._near.setdefault(other, {})[one] = similarity

    def groups(self) -> list[Group]:
        """All groups of two or more, the largest first; the pairs are used up."""
        members = {row: Group([row], 1.0) for row in self._near}
        heap = [
            (-similarity, one, other)
            for one, near in self._near.items()
            for other, similarity in near.items()
            if one < other
        ]
        heapq.heapify(heap)
        while heap:
            negative, one, other = heapq.heappop(heap)
            if self._near.get(one, {}).get(other) != -negative:
                # One of the two was joined with a third since.
                continue
            rows = members[one].rows + members.pop(other).rows
            members[one] = Group(rows, min(-negative, 1.0))
            for third, similarity in self._join(one, other):
                heapq.heappush(heap, (-similarity, min(one, third), max(one, third)))
        joined = [Group(sorted(group.rows), group.least) for group in members.values()]
        return sorted(
            (group for group in joined if len(group.rows) > 1),
            key=lambda group: (-len(group.rows), -group.least, group.rows),
        )

    def _join(self, one: int, other: int) -> Iterator[tuple[int, float]]:
        """Make `other` a part of `one`; gives what is similar to both, and how much it now is."""
        mine, theirs = self._near.pop(one), self._near.pop(other)
        self._near[one] = joined = {}
        for third in (mine.keys() | theirs.keys()) - {one, other}:
            near = self._near[third]
            near.pop(one, None)
            near.pop(other, None)
            if third in mine and third in theirs:
                similarity = min(mine[third], theirs[third])
                joined[third] = near[one] = similarity
                yield third, similarity
