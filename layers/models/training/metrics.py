"""Figures of merit, from L2-normalised vectors; numpy alone."""

from typing import NamedTuple

import numpy as np

from training.features import Floats, Integers

RANKS = (1, 5, 10)
NEIGHBOURS = 10
ROWS = 1024
"""Rows of a similarity matrix held at a time."""


class Recalls(NamedTuple):
    """Shares in percent of queries that find what they should among the first 1, 5 and 10."""

    at_1: float
    at_5: float
    at_10: float


def unit(vectors: Floats) -> Floats:
    """Each row scaled to L2 norm 1."""
    scaled: Floats = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return scaled


def text_to_image(images: Floats, texts: Floats) -> Recalls:
    """Each caption of `texts` `[n, captions, d]` looks for its photo in `images` `[n, d]`."""
    count, captions, width = texts.shape
    scores = texts.reshape(-1, width) @ images.T
    own = scores[np.arange(len(scores)), np.repeat(np.arange(count), captions)]
    return _recalls((scores > own[:, np.newaxis]).sum(axis=1))


def image_to_text(images: Floats, texts: Floats) -> Recalls:
    """Each photo looks for the best placed of its captions among all photos' captions."""
    count, captions, width = texts.shape
    scores = images @ texts.reshape(-1, width).T
    own = scores.reshape(count, count, captions)[np.arange(count), np.arange(count)].max(axis=1)
    return _recalls((scores > own[:, np.newaxis]).sum(axis=1))


def zero_shot(images: Floats, classes: Floats, label: Integers) -> float:
    """Percent of images nearest to their own class; `classes` `[classes, d]`."""
    return 100 * float(((images @ classes.T).argmax(axis=1) == label).mean())


def class_vectors(prompts: Floats) -> Floats:
    """The mean direction of each class's sentences, `[sentences, classes, d]` to `[classes, d]`."""
    return unit(unit(prompts).mean(axis=0))


def nearest_neighbours(vectors: Floats, label: Integers) -> float:
    """Percent of images whose 10 nearest others vote for their class, leave-one-out.

    A tie goes to the class of the smallest number.
    """
    classes = int(label.max()) + 1
    right = 0
    for start in range(0, len(vectors), ROWS):
        rows = np.arange(start, min(start + ROWS, len(vectors)))
        nearest = label[_nearest(vectors, rows)]
        votes = (nearest[:, :, np.newaxis] == np.arange(classes)).sum(axis=1)
        right += int((votes.argmax(axis=1) == label[rows]).sum())
    return 100 * right / len(vectors)


def neighbourhood(before: Floats, after: Floats) -> float:
    """Percent of each image's 10 nearest others in `before` that are among them in `after`."""
    rows = np.arange(len(before))
    first, second = _nearest(before, rows), _nearest(after, rows)
    return 100 * float((first[:, :, np.newaxis] == second[:, np.newaxis]).any(axis=2).mean())


def different(vectors: Floats) -> Floats:
    """The similarities of all pairs of different images."""
    return (vectors @ vectors.T)[np.triu_indices(len(vectors), k=1)]


def _nearest(vectors: Floats, rows: Integers) -> Integers:
    scores = vectors[rows] @ vectors.T
    scores[np.arange(len(rows)), rows] = -np.inf
    return np.argpartition(-scores, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]


def _recalls(better: Integers) -> Recalls:
    """From how many scored better than the right one, for each query."""
    return Recalls(*(100 * float((better < rank).mean()) for rank in RANKS))
