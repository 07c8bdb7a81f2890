"""Training data of the heads: features of frozen towers, cached in `.npz` files.

A features folder holds, as float16 and by name:

`flickr8k.npz`: `features` and `features_augmented` [n, 1280], `captions` [n, 5, 384], `name` [n],
`split` [n], which is 0 for training, 1 for validation, 2 for test;
`imagenet_classes.npz`: `features` [1000, 1280] of one photo a class, `prompts` [6, 1000, 384],
`definition` [1000, 384], `class_index` [1000];
`openclipart.npz`, `tuxpaint.npz`: `features` [n, 1280], `captions` [n, 1, 384];
`pacs.npz`: `features` [n, 1280], `label` [n], `prompts` [3, labels, 384];
`caltech101_test.npz`: the same with six prompts, for the last row of the table alone.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Integers: TypeAlias = NDArray[np.int64]

TRAINING, VALIDATION, TEST = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Pairs:
    """Photos, each with the same number of captions."""

    features: Floats
    """`[n, 1280]`, pooled by the image tower."""
    captions: Floats
    """`[n, captions, 384]`, of norm 1."""
    augmented: Floats | None = None
    """The features of one augmented view of each photo."""

    def take(self, rows: Integers) -> "Pairs":
        """The pairs at `rows`."""
        augmented = None if self.augmented is None else self.augmented[rows]
        return Pairs(self.features[rows], self.captions[rows], augmented)


@dataclass(frozen=True, slots=True)
class Labelled:
    """Photos of named classes, and each class's name in several sentences."""

    features: Floats
    label: Integers
    prompts: Floats
    """`[sentences, classes, 384]`, of norm 1."""

    def classes(self, kept: Integers) -> "Labelled":
        """One photo of each class: that of the classes at `kept`, numbered anew."""
        return Labelled(self.features[kept], np.arange(len(kept)), self.prompts[:, kept])


@dataclass(frozen=True, slots=True)
class Captioned:
    """Flickr8k with its published split."""

    pairs: Pairs
    split: Integers
    name: NDArray[np.str_]

    def part(self, *splits: int, without: frozenset[str] = frozenset()) -> Pairs:
        """The pairs of some splits, less the photos named in `without`."""
        kept = np.isin(self.split, splits) & ~np.isin(self.name, sorted(without))
        return self.pairs.take(np.flatnonzero(kept))


def read_captioned(folder: Path) -> Captioned:
    """Flickr8k's photos and captions."""
    with np.load(folder / "flickr8k.npz") as file:
        pairs = Pairs(
            _floats(file["features"]),
            _unit(file["captions"]),
            _floats(file["features_augmented"]),
        )
        return Captioned(pairs, file["split"].astype(np.int64), file["name"])


def read_pairs(path: Path) -> Pairs:
    """Pictures of one caption each."""
    with np.load(path) as file:
        return Pairs(_floats(file["features"]), _unit(file["captions"]))


def read_labelled(path: Path) -> Labelled:
    """Photos of named classes."""
    with np.load(path) as file:
        return Labelled(
            _floats(file["features"]), file["label"].astype(np.int64), _unit(file["prompts"])
        )


def read_classes(path: Path) -> Labelled:
    """ImageNet's classes in the tower's order; the last of their prompts is a definition."""
    with np.load(path) as file:
        order = np.argsort(file["class_index"])
        prompts = np.concatenate([file["prompts"], file["definition"][np.newaxis]])
        return Labelled(
            _floats(file["features"])[order], np.arange(len(order)), _unit(prompts[:, order])
        )


def _floats(array: NDArray[np.float16]) -> Floats:
    return array.astype(np.float32)


def _unit(array: NDArray[np.float16]) -> Floats:
    # Half precision leaves norms off by up to 4e-5, which would hide equal texts from each other.
    wide = array.astype(np.float32)
    unit: Floats = wide / np.linalg.norm(wide, axis=-1, keepdims=True)
    return unit
