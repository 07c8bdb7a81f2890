"""The starter's heads: what they are trained on, and where they begin."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from training.batches import gather
from training.features import Integers, Labelled, Pairs
from training.heads import Heads, Linear
from training.layout import Layout
from training.place import place, turn
from training.recipes import OFFSET, STARTER
from training.train import train

HELD_OUT = 4
"""One class of ImageNet in four takes no part in training while choices are made."""


def held_out(classes: int) -> tuple[Integers, Integers]:
    """The classes that train a heads file that is to be judged, and those that judge it."""
    every = np.arange(classes)
    judges = every % HELD_OUT == 1
    return every[~judges], every[judges]


def train_heads(
    folder: Path,
    photos: Pairs,
    classes: Labelled,
    classifier: Linear,
    report: Callable[[str], None],
    start: Heads | None = None,
) -> Heads:
    """Train heads from random weights, or from what `start` knows, and lay their values out.

    `classes` and the rows of `classifier`, the image tower's last layer, are of the same classes
    of ImageNet; the other collections are read from `folder`.
    """
    material = gather(folder, photos, classes, classifier)
    if start is not None:
        material = replace(material, standard=start.standard)
    known = None if start is None else turn(start, material, STARTER.width)
    report(f"{len(photos.features)} photos, {len(classes.features)} classes")
    image, text = train(material, STARTER, report, known)
    layout = Layout((STARTER.width,), (1.0,), OFFSET)
    return Heads(place(image, layout), place(text, layout), material.standard, layout)
