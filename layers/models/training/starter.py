"""The starter's heads: what each expert sees, and how they are joined."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from training.batches import gather
from training.correlation import linear_expert
from training.features import Integers, Labelled, Pairs
from training.heads import Heads, Linear
from training.join import join
from training.layout import Layout
from training.recipes import CAPTIONS, LINEAR_WIDTH, NAMES, OFFSET, SHARES
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
) -> Heads:
    """Train the three experts, and join them.

    `classes` and the rows of `classifier`, the image tower's last layer, are of the same classes
    of ImageNet; the other collections are read from `folder`.
    """
    material = gather(folder, photos, classes, classifier)
    report(f"linear expert: {len(photos.features)} photos, {len(classes.features)} classes")
    experts = [linear_expert(material, LINEAR_WIDTH)]
    for name, recipe in (("captions", CAPTIONS), ("names", NAMES)):
        report(f"{name} expert: {recipe.epochs} epochs")
        experts.append(train(material, recipe, report))
    layout = Layout((LINEAR_WIDTH, CAPTIONS.width, NAMES.width), SHARES, OFFSET)
    images, texts = zip(*experts, strict=True)
    return Heads(join(images, layout), join(texts, layout), material.standard, layout)
