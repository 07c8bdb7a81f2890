"""The data of one training step."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.features import Labelled, Pairs, read_labelled, read_pairs
from training.heads import Linear, Standard

MIXING = 0.7
"""Of the Dirichlet distribution that weighs a photo's captions: near one, or near their mean."""


class Batch(NamedTuple):
    """Images and texts that belong together, row by row."""

    images: Tensor
    """Standardised features `[n, 1280]`."""
    texts: Tensor
    """`[n, 384]`, of norm 1."""


@dataclass(frozen=True, slots=True)
class Material:
    """All that heads are trained on."""

    photos: Pairs
    """Captioned photos, each with an augmented view."""
    pictures: tuple[Pairs, ...]
    """Other collections, each drawn from in equal numbers: drawings, named objects."""
    classes: Labelled
    """ImageNet's, with one photo of each."""
    classifier: Linear
    """The image tower's own last layer, 1280 features to 1000 classes."""
    standard: Standard


def gather(folder: Path, photos: Pairs, classes: Labelled, classifier: Linear) -> Material:
    """`photos`, and the other collections of a features folder."""
    pictures = (
        read_pairs(folder / "openclipart.npz"),
        read_pairs(folder / "tuxpaint.npz"),
        _named(read_labelled(folder / "pacs.npz")),
        _named(classes),
    )
    every = [photos.features, *(collection.features for collection in pictures)]
    features = np.concatenate(every)
    mean, std = torch.from_numpy(features.mean(axis=0)), torch.from_numpy(features.std(axis=0))
    return Material(photos, pictures, classes, classifier, Standard(mean, std))


def photo_batch(material: Material, rows: Tensor) -> Batch:
    """Photos between their two views, with a random mixture of their captions."""
    photos = material.photos
    index = rows.numpy()
    if photos.augmented is None:
        raise ValueError("captioned photos have an augmented view each")
    mixture = torch.rand(len(rows), 1)
    first = material.standard(torch.from_numpy(photos.features[index]))
    second = material.standard(torch.from_numpy(photos.augmented[index]))
    captions = torch.from_numpy(photos.captions[index])
    weights = torch.distributions.Dirichlet(torch.full((captions.shape[1],), MIXING))
    mixed = (captions * weights.sample((len(rows),))[:, :, None]).sum(dim=1)
    return Batch(mixture * first + (1 - mixture) * second, functional.normalize(mixed, dim=1))


def picture_batch(material: Material, each: int) -> Batch:
    """`each` random pictures of every other collection, with one of their texts."""
    images, texts = [], []
    for collection in material.pictures:
        rows = np.asarray(torch.randint(len(collection.features), (each,)))
        sentence = np.asarray(torch.randint(collection.captions.shape[1], (each,)))
        images.append(material.standard(torch.from_numpy(collection.features[rows])))
        texts.append(torch.from_numpy(collection.captions[rows, sentence]))
    return Batch(torch.cat(images), torch.cat(texts))


def class_batch(material: Material, count: int) -> tuple[Tensor, Tensor]:
    """`count` classes of ImageNet `[count]` and a sentence that names each, `[count, 384]`."""
    prompts = torch.from_numpy(material.classes.prompts)
    chosen = torch.randperm(prompts.shape[1])[:count]
    return chosen, prompts[torch.randint(len(prompts), (len(chosen),)), chosen]


def _named(labelled: Labelled) -> Pairs:
    """Every photo with the sentences that name its class."""
    return Pairs(labelled.features, labelled.prompts[:, labelled.label].transpose(1, 0, 2))
