"""The linear expert: regularised canonical correlations of photos and captions, in closed form.

After Hotelling (1936), weighted with powers of the correlations as Gong et al. (2014) do. What the
image tower learned of ImageNet enters without ImageNet: a softmax classifier with weights w tilts
the distribution of features f by exp(w f), which to first order moves the mean of any function z of
them by Cov(z, f) w.
"""

import torch
from torch import Tensor

from training.batches import Material
from training.heads import Head, Linear
from training.layout import BLOCKS

IMAGE_RIDGE, TEXT_RIDGE = 3.0, 0.1
"""Added to the covariances, as multiples of their mean variance."""
NAMES_WEIGHT, PHOTOS_WEIGHT = 0.3, 0.3
"""Of ImageNet's names in the texts' statistics, and of its photos in the images'."""


def linear_expert(material: Material, width: int) -> tuple[Head, Head]:
    """An image head and a text head of 4 * `width` values, whose hidden layers are empty.

    The strongest correlations are dealt out over the blocks in turn.
    """
    photos, standard = material.photos, material.standard
    views = [torch.from_numpy(photos.features)]
    if photos.augmented is not None:
        views.append(torch.from_numpy(photos.augmented))
    captions = torch.from_numpy(photos.captions)
    meaning = captions.mean(dim=1)
    centre = meaning.mean(dim=0)
    named, names = _named(material, centre)

    z = torch.cat([standard(view) for view in views])
    every = (captions - centre).flatten(0, 1)
    images = _product(z, z) + PHOTOS_WEIGHT * _product(standard(named), standard(named))
    texts = _product(every, every) + NAMES_WEIGHT * _product(names, names)
    both = _product(z, (meaning - centre).repeat(len(views), 1))
    both = both + NAMES_WEIGHT * _tilt(material, torch.cat([views[0], named]), names)

    image_root, text_root = _inverse_root(images, IMAGE_RIDGE), _inverse_root(texts, TEXT_RIDGE)
    u, correlations, v = torch.linalg.svd(image_root @ both @ text_root, full_matrices=False)
    order = torch.arange(BLOCKS * width).view(width, BLOCKS).T.flatten()
    weight = correlations[order].sqrt()[:, None]
    image = weight * (image_root @ u).T[order]
    text = weight * (v @ text_root)[order]
    return (
        _head(Linear(image, torch.zeros(len(order)))),
        _head(Linear(text, -text @ centre)),
    )


def _named(material: Material, centre: Tensor) -> tuple[Tensor, Tensor]:
    """ImageNet's photos, and the mean text of each class less `centre`."""
    # The last sentence is the definition, which no query resembles.
    prompts = torch.from_numpy(material.classes.prompts[:-1]).mean(dim=0)
    texts = torch.nn.functional.normalize(prompts, dim=1)
    return torch.from_numpy(material.classes.features), texts - centre


def _tilt(material: Material, features: Tensor, names: Tensor) -> Tensor:
    """The covariance of features and names that the tower's classifier implies."""
    z = material.standard(features)
    covariance = _product(z - z.mean(dim=0), features - features.mean(dim=0))
    weights = material.classifier.weight
    moved = covariance @ (weights - weights.mean(dim=0)).T
    return moved @ (names - names.mean(dim=0)) / len(names)


def _product(x: Tensor, y: Tensor) -> Tensor:
    return x.T @ y / len(x)


def _inverse_root(covariance: Tensor, ridge: float) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)
    lifted = values.clamp(min=0) + ridge * covariance.diagonal().mean()
    return (vectors / lifted.sqrt()) @ vectors.T


def _head(linear: Linear) -> Head:
    out, width = linear.weight.shape
    none = Linear(torch.zeros(0, width), torch.zeros(0))
    return Head(linear, none, Linear(torch.zeros(out, 0), torch.zeros(out)))
