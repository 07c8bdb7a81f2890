"""The objective of the heads: one number for one batch."""

import torch
from torch import Tensor
from torch.nn import functional

from training import losses
from training.batches import Batch, Material, class_batch, photo_batch, picture_batch
from training.heads import Head
from training.layout import BLOCK, BLOCKS, PREFIXES
from training.recipes import Recipe

TEMPERATURE = 0.1
"""Of the softmax over neighbours."""
NEIGHBOURHOOD = 400
"""Rows of a batch among which neighbours are compared."""
LARGEST_SCALE, LARGEST_NAME_SCALE = 60.0, 100.0


def objective(
    material: Material, recipe: Recipe, heads: tuple[Head, Head], scales: Tensor, rows: Tensor
) -> Tensor:
    """The loss on the photos at `rows` and random other pictures, in one prefix, a random one.

    One of three prefixes a step costs a third of the time, and each is trained as well.

    `scales` are the learned logit scales, of captions and of class names.
    """
    image, text = heads
    batch = photo_batch(material, rows)
    if recipe.pictures:
        more = picture_batch(material, recipe.pictures)
        batch = Batch(*(torch.cat(both) for both in zip(batch, more, strict=True)))
    noisy = batch.images + recipe.noise * torch.randn_like(batch.images)
    # bfloat16 halves the time of a step and changes no figure by more than another seed does.
    with torch.autocast("cpu", torch.bfloat16):
        x = image(noisy, recipe.dropout_image)
        t = text(batch.texts, recipe.dropout_text)
    count = int(torch.randint(len(PREFIXES), ()))
    images, texts = (_blocks(y)[: PREFIXES[count] // BLOCK] for y in (x, t))
    target = losses.equal(batch.texts)
    scale = scales[0].clamp(max=LARGEST_SCALE)
    total = losses.contrastive(scale * _cosines(images, texts), target)
    some = torch.randperm(len(batch.images))[:NEIGHBOURHOOD]
    if recipe.image_neighbours:
        before = functional.normalize(batch.images[some], dim=1)
        total = total + recipe.image_neighbours * _neighbours_lost(before, images[:, some])
    if recipe.text_neighbours:
        lost = _neighbours_lost(batch.texts[some], texts[:, some])
        total = total + recipe.text_neighbours * lost
    if recipe.knowledge:
        scale = scales[1].clamp(max=LARGEST_NAME_SCALE)
        total = total + recipe.knowledge * _unlearned(material, recipe, batch, images, text, scale)
    return total


def _neighbours_lost(before: Tensor, blocks: Tensor) -> Tensor:
    """How far the neighbours of each row are from those it had in `before` `[n, d]`."""
    wanted = losses.others(losses.similarities(before, before), TEMPERATURE)
    return losses.divergence(wanted, losses.others(_cosines(blocks, blocks), TEMPERATURE))


def _unlearned(
    material: Material, recipe: Recipe, batch: Batch, images: Tensor, text: Head, scale: Tensor
) -> Tensor:
    """How far choosing among class names is from the image tower's own classification."""
    chosen, names = class_batch(material, recipe.classes)
    with torch.autocast("cpu", torch.bfloat16):
        classes = _blocks(text(names, recipe.dropout_text))[: len(images)]
        wanted = material.classifier(material.standard.undo(batch.images))[:, chosen].float()
    return losses.divergence(wanted, scale * _cosines(images, classes))


def _blocks(y: Tensor) -> Tensor:
    """A head's output as blocks of norm 1, `[4, n, width]`."""
    return functional.normalize(y.float().view(len(y), BLOCKS, -1).transpose(0, 1), dim=2)


def _cosines(x: Tensor, y: Tensor) -> Tensor:
    """The cosines `[n, m]` of `[blocks, n, width]` and `[blocks, m, width]`: the blocks' mean."""
    pairs = [losses.similarities(left, right) for left, right in zip(x, y, strict=True)]
    return torch.stack(pairs).mean(dim=0)
