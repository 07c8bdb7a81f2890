"""Judging vectors by what is found with them: ranks, recall, similarities and thresholds."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[np.float32]
"""Unit vectors, `float32 [count, dimensions]`."""

Similarities: TypeAlias = NDArray[np.float32]
"""Cosines, `float32 [count]`."""

Indices: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Threshold:
    """A similarity from which on two photos count as the same, and how often that is right."""

    similarity: float
    false: float
    """Share of the pairs of different photos that reach it."""
    recall: float
    """Share of the near-duplicates that reach it."""


def paired(left: Matrix, right: Matrix) -> Similarities:
    """The similarity of each row to the row in the same place."""
    similarity: Similarities = np.einsum("ij,ij->i", left, right)
    return similarity


def different_pairs(gallery: Matrix) -> Similarities:
    """The similarities of all pairs of different rows, each pair once."""
    pairs: Similarities = (gallery @ gallery.T)[np.triu_indices(len(gallery), k=1)]
    return pairs


def ranks(queries: Matrix, gallery: Matrix, matches: Indices) -> Indices:
    """The rank, from 1, of each query's match in the gallery; a tie counts against the match."""
    similarity = queries @ gallery.T
    own = np.take_along_axis(similarity, matches[:, np.newaxis], axis=1)
    return np.asarray((similarity >= own).sum(axis=1))


def recall(found: Indices, at: int) -> float:
    """The share of the queries whose match is among the first `at`."""
    return float((found <= at).mean())


def threshold(different: Similarities, duplicates: Similarities, false: float) -> Threshold:
    """The lowest threshold, in steps of 0.01, that at most a share `false` of the pairs reach."""
    steps = (step / 100 for step in range(102))
    similarity = next(step for step in steps if (different >= step).mean() <= false)
    return Threshold(
        similarity,
        false=float((different >= similarity).mean()),
        recall=float((duplicates >= similarity).mean()),
    )
