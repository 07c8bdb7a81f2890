"""Several experts side by side as one pair of heads."""

from collections.abc import Sequence

import torch

from training.heads import Head, Linear
from training.layout import WIDTH, Layout


def join(experts: Sequence[Head], layout: Layout) -> Head:
    """One head of 1024 values whose parts are the experts' outputs, in the layout's order.

    The hidden layers stand one below the other, so `b` has zeros where an expert does not see
    another's; the blocks' constants are zero.
    """
    hidden = sum(len(expert.a.weight) for expert in experts)
    width = experts[0].lin.weight.shape[1]
    lin, b = torch.zeros(WIDTH, width), torch.zeros(WIDTH, hidden)
    bias = torch.zeros(WIDTH)
    start = 0
    for part, expert in enumerate(experts):
        rows = layout.rows(part).flatten()
        end = start + len(expert.a.weight)
        lin[rows] = expert.lin.weight
        b[rows, start:end] = expert.b.weight
        bias[rows] = expert.lin.bias + expert.b.bias
        start = end
    a = Linear(
        torch.cat([expert.a.weight for expert in experts]),
        torch.cat([expert.a.bias for expert in experts]),
    )
    return Head(Linear(lin, bias), a, Linear(b, torch.zeros(WIDTH)))
