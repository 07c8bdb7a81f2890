"""The terms of the training loss, each over the similarities of one batch."""

import torch
from torch import Tensor
from torch.nn import functional

EQUAL = 0.999
"""Cosine from which two texts count as the same."""
NEVER = -1e4
"""A logit whose share of a softmax is zero, without the infinities that make gradients NaN."""


def similarities(x: Tensor, y: Tensor) -> Tensor:
    """`[n, d]` and `[m, d]` to `[n, m]` float32, multiplied in bfloat16: it takes half the time."""
    return (x.bfloat16() @ y.bfloat16().T).float()


def equal(texts: Tensor) -> Tensor:
    """Which texts each row may find, its own and equal ones: rows that sum to 1, `[n, n]`."""
    # In bfloat16 a text could differ from itself.
    same = (texts @ texts.T > EQUAL).float()
    return same / same.sum(dim=1, keepdim=True)


def contrastive(scores: Tensor, target: Tensor) -> Tensor:
    """InfoNCE both ways, as CLIP has it (Radford et al. 2021, figure 3).

    `scores` `[n, n]` are scaled cosines, rows images and columns texts; `target` is symmetric.
    """
    return (_cross_entropy(scores, target) + _cross_entropy(scores.T, target)) / 2


def divergence(wanted: Tensor, logits: Tensor) -> Tensor:
    """Mean over rows of KL(softmax(wanted) || softmax(logits)), both `[n, m]`."""
    log_p = functional.log_softmax(wanted, dim=1)
    log_q = functional.log_softmax(logits, dim=1)
    return (log_p.exp() * (log_p - log_q)).sum(dim=1).mean()


def others(scores: Tensor, temperature: float) -> Tensor:
    """`[n, n]` similarities as logits of a softmax over each row's neighbours, itself excepted."""
    return (scores / temperature).masked_fill(torch.eye(len(scores), dtype=torch.bool), NEVER)


def _cross_entropy(scores: Tensor, target: Tensor) -> Tensor:
    return -(target * functional.log_softmax(scores, dim=1)).sum(dim=1).mean()
