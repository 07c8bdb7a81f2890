"""Between heads as they are trained and the blocks of an embedding."""

import torch
from torch.nn import functional

from training.batches import Material
from training.heads import Head, Heads, Linear
from training.layout import BLOCKS, WIDTH, Layout


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
