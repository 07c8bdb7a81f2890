"""Training a pair of heads."""

import math
import time
from collections.abc import Callable

import torch

from training.batches import Material
from training.heads import Head, new_head
from training.layout import BLOCKS
from training.objective import objective
from training.recipes import Recipe

FIRST_SCALES, LEARNED_SCALES = (20.0, 20.0), (33.0, 54.0)
"""Of the logits of captions and of class names: for random heads, and for such as have learned."""
WARM_UP = 0.05
"""Share of the steps in which the rate rises to its full value."""
BETAS = (0.9, 0.98)
EPOCHS_A_REPORT = 4


def train(
    material: Material,
    recipe: Recipe,
    report: Callable[[str], None],
    start: tuple[Head, Head] | None = None,
) -> tuple[Head, Head]:
    """An image head and a text head, from random weights or those of `start`, which change.

    `report` is told how it goes.
    """
    torch.manual_seed(recipe.seed)
    features, captions = material.photos.features, material.photos.captions
    (photos, image_width), text_width = features.shape, captions.shape[-1]
    heads = start or (
        new_head(image_width, recipe.hidden_image, BLOCKS * recipe.width),
        new_head(text_width, recipe.hidden_text, BLOCKS * recipe.width),
    )
    linears = [linear for head in heads for linear in head.layers()]
    matrices = [linear.weight.requires_grad_() for linear in linears]
    scales = torch.tensor(LEARNED_SCALES if start else FIRST_SCALES).log().requires_grad_()
    free = [*(linear.bias.requires_grad_() for linear in linears), scales]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": recipe.decay}, {"params": free, "weight_decay": 0.0}],
        lr=recipe.rate,
        betas=BETAS,
    )
    steps = recipe.epochs * math.ceil(photos / recipe.batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step / steps))
    started = time.monotonic()
    for epoch in range(1, recipe.epochs + 1):
        for rows in torch.randperm(photos).split(recipe.batch):
            loss = objective(material, recipe, heads, scales.exp(), rows)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        if epoch % EPOCHS_A_REPORT == 0:
            seconds = time.monotonic() - started
            report(f"  epoch {epoch} of {recipe.epochs}: loss {loss.item():.2f}, {seconds:.0f} s")
    for parameter in (*matrices, *free):
        parameter.requires_grad_(False)
    return heads


def _rate(done: float) -> float:
    """The factor of the rate after a share of the steps: a short rise, then half a cosine."""
    return min(1.0, (done + 1e-3) / WARM_UP) * (1 + math.cos(math.pi * done)) / 2
