"""The table of figures, of a pair of heads on cached features."""

from collections.abc import Iterator

import numpy as np
import torch

from training import metrics
from training.features import Floats, Integers, Labelled, Pairs
from training.heads import Heads
from training.layout import PREFIXES

FAR = 99
"""Percentile of the similarities of different photos."""


def captioned(heads: Heads, pairs: Pairs) -> Iterator[str]:
    """Retrieval both ways and the scale of similarities, a line for each prefix."""
    for dimensions in PREFIXES:
        images = _images(heads, pairs.features, dimensions)
        texts = _texts(heads, pairs.captions, dimensions)
        to_image, to_text = (
            metrics.text_to_image(images, texts),
            metrics.image_to_text(images, texts),
        )
        far = np.percentile(metrics.different(images), FAR)
        line = f"{dimensions:5}  t2i {_recalls(to_image)}  i2t {_recalls(to_text)}"
        if pairs.augmented is not None:
            views = (images * _images(heads, pairs.augmented, dimensions)).sum(axis=1)
            low, median = np.percentile(views, (10, 50))
            line += f"  augmented view: 10th percentile {low:.3f}, median {median:.3f}"
        yield f"{line}  different photos: {FAR}th percentile {far:.3f}"


def labelled(heads: Heads, photos: Labelled) -> Iterator[str]:
    """Zero-shot and 10-NN accuracy, a line for each prefix; then the tower's own."""
    for dimensions in PREFIXES:
        images = _images(heads, photos.features, dimensions)
        classes = metrics.class_vectors(_texts(heads, photos.prompts, dimensions))
        yield (
            f"{dimensions:5}  zero-shot {metrics.zero_shot(images, classes, photos.label):.1f} %"
            f"  10-NN {metrics.nearest_neighbours(images, photos.label):.1f} %"
        )
    raw = metrics.nearest_neighbours(metrics.unit(photos.features), photos.label)
    yield f"tower  10-NN {raw:.1f} %"


def names(heads: Heads, classes: Labelled, seen: Integers, unseen: Integers) -> Iterator[str]:
    """Zero-shot accuracy on ImageNet's photos: classes that were trained on, and others.

    The first is among the names of all classes, the second among those not trained on.
    """
    images = _images(heads, classes.features, PREFIXES[-1])
    # The last sentence is a definition, which no query resembles.
    vectors = metrics.class_vectors(_texts(heads, classes.prompts[:-1], PREFIXES[-1]))
    known = metrics.zero_shot(images[seen], vectors, seen)
    yield f"zero-shot of {len(seen)} classes among all {len(vectors)} names: {known:.1f} %"
    new = metrics.zero_shot(images[unseen], vectors[unseen], np.arange(len(unseen)))
    yield f"zero-shot among {len(unseen)} classes not trained on: {new:.1f} %"


def _images(heads: Heads, features: Floats, dimensions: int) -> Floats:
    vectors: Floats = heads.images(torch.from_numpy(features)).numpy()
    return metrics.unit(vectors[:, :dimensions])


def _texts(heads: Heads, features: Floats, dimensions: int) -> Floats:
    flat = torch.from_numpy(features.reshape(-1, features.shape[-1]))
    vectors: Floats = heads.texts(flat).numpy()
    return metrics.unit(vectors[:, :dimensions].reshape(*features.shape[:-1], dimensions))


def _recalls(recalls: metrics.Recalls) -> str:
    return " / ".join(f"{share:.1f}" for share in recalls)
