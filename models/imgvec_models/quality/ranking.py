"""Judging vectors by what is found with them: ranks, recall, classes, similarities, thresholds."""

from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[np.float32]
"""Unit vectors, `float32 [count, dimensions]`."""

Similarities: TypeAlias = NDArray[np.float32]
"""Cosines, `float32 [count]`."""

Indices: TypeAlias = NDArray[np.int64]

NEIGHBOURS: Final = 10
ROWS: Final = 1024
"""Rows of a similarity matrix held at a time."""


class Recalls(NamedTuple):
    """Shares of queries that find what they should among the first 1, 5 and 10."""

    at_1: float
    at_5: float
    at_10: float

    def __str__(self) -> str:
        """In percent, as they are written in papers."""
        return " / ".join(f"{share * 100:.1f}" for share in self)


@dataclass(frozen=True, slots=True)
class Threshold:
    """A similarity from which on two photos count as the same, and how often that is right."""

    similarity: float
    false: float
    """Share of the pairs of different photos that reach it."""
    recall: float
    """Share of the near-duplicates that reach it."""


def unit(vectors: Matrix) -> Matrix:
    """Each row scaled to L2 norm 1."""
    scaled: Matrix = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return scaled


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


def recalls(found: Indices) -> Recalls:
    """The shares at 1, 5 and 10."""
    return Recalls(*(recall(found, at) for at in (1, 5, 10)))


def text_to_image(images: Matrix, texts: Matrix, photo: Indices) -> Recalls:
    """Each text looks for its photo; `photo` is the row in `images` of each text's own."""
    return recalls(ranks(texts, images, photo))


def image_to_text(images: Matrix, texts: Matrix, photo: Indices) -> Recalls:
    """Each photo looks for the best placed of its texts among all photos' texts."""
    similarity = images @ texts.T
    own = np.arange(len(images))[:, np.newaxis] == photo
    best = np.where(own, similarity, -np.inf).max(axis=1, keepdims=True)
    return recalls(np.asarray(((similarity >= best) & ~own).sum(axis=1) + 1))


def class_vectors(prompts: Matrix) -> Matrix:
    """The mean direction of each class's sentences: `[sentences, classes, d]` to `[classes, d]`."""
    return unit(unit(prompts).mean(axis=0))


def zero_shot(images: Matrix, classes: Matrix, label: Indices) -> float:
    """The share of images that are nearest to their own class, `[classes, d]`."""
    return float(((images @ classes.T).argmax(axis=1) == label).mean())


def nearest_neighbours(images: Matrix, label: Indices) -> float:
    """The share of images whose 10 nearest others vote for their class, leave-one-out.

    A tie goes to the class of the smallest number.
    """
    votes = label[nearest(images)][:, :, np.newaxis] == np.arange(int(label.max()) + 1)
    return float((votes.sum(axis=1).argmax(axis=1) == label).mean())


def overlap(one: Matrix, other: Matrix) -> float:
    """The share of each row's 10 nearest others in `one` that are among them in `other`."""
    both = nearest(one)[:, :, np.newaxis] == nearest(other)[:, np.newaxis]
    return float(both.any(axis=2).mean())


def nearest(vectors: Matrix) -> Indices:
    """The 10 nearest others of each row, in no order; all others where there are fewer."""
    found = []
    count = min(NEIGHBOURS, len(vectors) - 1)
    for start in range(0, len(vectors), ROWS):
        similarity = vectors[start : start + ROWS] @ vectors.T
        rows = np.arange(len(similarity))
        similarity[rows, start + rows] = -np.inf
        found.append(np.argpartition(-similarity, count - 1, axis=1)[:, :count])
    return np.concatenate(found)


def threshold(different: Similarities, duplicates: Similarities, false: float) -> Threshold:
    """The lowest threshold, in steps of 0.01, that at most a share `false` of the pairs reach."""
    steps = (step / 100 for step in range(102))
    similarity = next(step for step in steps if (different >= step).mean() <= false)
    return Threshold(
        similarity,
        false=float((different >= similarity).mean()),
        recall=float((duplicates >= similarity).mean()),
    )
