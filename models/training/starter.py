"""The starter's heads: what they are trained on, and where they begin."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from training.batches import Material, gather
from training.features import Integers, Labelled, Pairs
from training.heads import Head, Heads, Linear
from training.layout import BLOCKS, WIDTH, Layout
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


def place(head: Head, layout: Layout) -> Head:
    """A head of 1024 values, of one whose values fill the blocks but for their constants."""
    rows = layout.rows(0).flatten()
    lin, b = (torch.zeros(WIDTH, linear.weight.shape[1]) for linear in (head.lin, head.b))
    bias = torch.zeros(WIDTH)
    lin[rows], b[rows] = head.lin.weight, head.b.weight
    bias[rows] = head.lin.bias + head.b.bias
    return Head(Linear(lin, bias), head.a, Linear(b, torch.zeros(WIDTH)))


def turn(heads: Heads, material: Material, width: int) -> tuple[Head, Head]:
    """Heads without a layout as ones that fill blocks of `width` values, for training to begin.

    The principal components of both sides' outputs, so that cosines stay: the strongest fill two
    blocks, dealt out in turn, and the other two hold them again. So every prefix begins with all
    that the heads know (that of three blocks with half of it twice); four blocks of different
    components would leave the narrow prefixes a part of it.
    """
    collections = (material.photos, *material.pictures)
    images = torch.cat([torch.from_numpy(pairs.features) for pairs in collections])
    texts = torch.cat([torch.from_numpy(pairs.captions[:, 0]) for pairs in collections])
    outputs = [
        functional.normalize(head(x), dim=1)
        for head, x in ((heads.image, heads.standard(images)), (heads.text, texts))
    ]
    _, components = torch.linalg.eigh(sum((y.T @ y / len(y) for y in outputs), torch.zeros(())))
    half = BLOCKS // 2
    first, second = torch.arange(half * width).view(width, half).T
    axes = components.flip(1).T[torch.cat([first, second, second, first])]
    image, text = (
        Head(
            Linear(axes @ head.lin.weight, axes @ (head.lin.bias + head.b.bias)),
            head.a,
            Linear(axes @ head.b.weight, torch.zeros(len(axes))),
        )
        for head in (heads.image, heads.text)
    )
    return image, text
