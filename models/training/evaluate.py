"""The table of figures, of a pair of heads on cached features."""

from collections.abc import Iterator

import numpy as np
import torch

from imgvec_models.quality.ranking import (
    class_vectors,
    different_pairs,
    image_to_text,
    nearest_neighbours,
    paired,
    text_to_image,
    unit,
    zero_shot,
)
from training.features import Floats, Integers, Labelled, Pairs
from training.heads import Heads, Linear
from training.layout import PREFIXES

FAR = 99
"""Percentile of the similarities of different photos."""


def captioned(heads: Heads, pairs: Pairs) -> Iterator[str]:
    """Retrieval both ways and the scale of similarities, a line for each prefix."""
    count, each, _ = pairs.captions.shape
    photo = np.repeat(np.arange(count), each)
    for dimensions in PREFIXES:
        images = _images(heads, pairs.features, dimensions)
        texts = _texts(heads, pairs.captions, dimensions).reshape(-1, dimensions)
        to_image, to_text = (
            text_to_image(images, texts, photo),
            image_to_text(images, texts, photo),
        )
        far = np.percentile(different_pairs(images), FAR)
        line = f"{dimensions:5}  t2i {to_image}  i2t {to_text}"
        if pairs.augmented is not None:
            views = paired(images, _images(heads, pairs.augmented, dimensions))
            low, median = np.percentile(views, (10, 50))
            line += f"  augmented view: 10th percentile {low:.3f}, median {median:.3f}"
        yield f"{line}  different photos: {FAR}th percentile {far:.3f}"


def labelled(heads: Heads, photos: Labelled) -> Iterator[str]:
    """Zero-shot and 10-NN accuracy, a line for each prefix; then the tower's own."""
    for dimensions in PREFIXES:
        images = _images(heads, photos.features, dimensions)
        classes = class_vectors(_texts(heads, photos.prompts, dimensions))
        yield (
            f"{dimensions:5}  zero-shot {zero_shot(images, classes, photos.label):.1%}"
            f"  10-NN {nearest_neighbours(images, photos.label):.1%}"
        )
    yield f"tower  10-NN {nearest_neighbours(unit(photos.features), photos.label):.1%}"


def names(heads: Heads, classes: Labelled, seen: Integers, unseen: Integers) -> Iterator[str]:
    """Zero-shot accuracy on ImageNet's photos: classes that were trained on, and others.

    The first is among the names of all classes, the second among those not trained on.
    """
    images = _images(heads, classes.features, PREFIXES[-1])
    # The last sentence is a definition, which no query resembles.
    vectors = class_vectors(_texts(heads, classes.prompts[:-1], PREFIXES[-1]))
    known = zero_shot(images[seen], vectors, seen)
    yield f"zero-shot of {len(seen)} classes among all {len(vectors)} names: {known:.1%}"
    new = zero_shot(images[unseen], vectors[unseen], np.arange(len(unseen)))
    yield f"zero-shot among {len(unseen)} classes not trained on: {new:.1%}"


def agreement(heads: Heads, photos: Pairs, classes: Labelled, classifier: Linear) -> str:
    """Zero-shot accuracy among the names of `classes` on photos that have no label.

    The image tower's own classification judges: a photo's chosen name scores its probability.
    """
    shares = torch.softmax(classifier(torch.from_numpy(photos.features)), dim=1).numpy()
    images = _images(heads, photos.features, PREFIXES[-1])
    vectors = class_vectors(_texts(heads, classes.prompts[:-1], PREFIXES[-1]))
    chosen = (images @ vectors.T).argmax(axis=1)
    score = float(np.take_along_axis(shares, chosen[:, np.newaxis], axis=1).mean())
    best = float(shares.max(axis=1).mean())
    return f"names  zero-shot by the tower's probabilities: {score:.1%} of at most {best:.1%}"


def _images(heads: Heads, features: Floats, dimensions: int) -> Floats:
    vectors: Floats = heads.images(torch.from_numpy(features)).numpy()
    return unit(vectors[:, :dimensions])


def _texts(heads: Heads, features: Floats, dimensions: int) -> Floats:
    flat = torch.from_numpy(features.reshape(-1, features.shape[-1]))
    vectors: Floats = heads.texts(flat).numpy()
    return unit(vectors[:, :dimensions].reshape(*features.shape[:-1], dimensions))
