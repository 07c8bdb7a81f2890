import pytest
import torch
from torch import Tensor

from training.layout import BLOCK, BLOCKS, PREFIXES, WIDTH, Layout

LAYOUT = Layout((63, 80, 112), (0.2, 0.2, 0.6), 2.0)


def outputs(seed: int, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(20, WIDTH, generator=torch.Generator().manual_seed(seed))


def cosines(x: Tensor, y: Tensor, dimensions: int) -> Tensor:
    x, y = x[:, :dimensions], y[:, :dimensions]
    return torch.nn.functional.normalize(x) @ torch.nn.functional.normalize(y).T


def test_the_parts_fill_a_block() -> None:
    assert 1 + sum(LAYOUT.widths) == BLOCK
    rows = torch.cat([LAYOUT.rows(part).flatten() for part in range(3)])
    constants = torch.arange(BLOCKS) * BLOCK
    assert torch.equal(torch.cat([rows, constants]).sort().values, torch.arange(WIDTH))


@pytest.mark.parametrize("dimensions", PREFIXES)
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_a_prefix_has_one_norm_for_every_input(dimensions: int, scale: float) -> None:
    wanted = torch.full((20,), (dimensions / WIDTH) ** 0.5)
    for vectors in (LAYOUT.images(outputs(1, scale)), LAYOUT.texts(outputs(2, scale))):
        torch.testing.assert_close(vectors[:, :dimensions].norm(dim=1), wanted)


@pytest.mark.parametrize("dimensions", PREFIXES)
def test_the_offset_raises_similarities_by_its_formula(dimensions: int) -> None:
    plain = Layout(LAYOUT.widths, LAYOUT.shares, 0.0)
    x, y = outputs(1), outputs(2)
    before = cosines(plain.images(x), plain.images(y), dimensions)
    after = cosines(LAYOUT.images(x), LAYOUT.images(y), dimensions)
    torch.testing.assert_close(after, (before + 2) / 3)


@pytest.mark.parametrize("dimensions", PREFIXES)
def test_texts_rank_images_as_without_the_offset(dimensions: int) -> None:
    plain = Layout(LAYOUT.widths, LAYOUT.shares, 0.0)
    x, t = outputs(1), LAYOUT.texts(outputs(2))
    before = cosines(plain.images(x), t, dimensions)
    torch.testing.assert_close(cosines(LAYOUT.images(x), t, dimensions), before / 3**0.5)


def test_a_part_counts_by_its_share() -> None:
    """Two outputs that agree in the last part alone have its share as their cosine."""
    x, y = outputs(1), outputs(2)
    last = LAYOUT.rows(2).flatten()
    y[:, last] = x[:, last]
    for part in range(2):
        rows = LAYOUT.rows(part)
        for block in rows:
            y[:, block] -= ((y[:, block] * x[:, block]).sum(1) / x[:, block].square().sum(1))[
                :, None
            ] * x[:, block]
    similar = (LAYOUT.texts(x) * LAYOUT.texts(y)).sum(dim=1)
    torch.testing.assert_close(similar, torch.full((20,), 0.6))


def test_the_constants_of_a_head_do_not_matter() -> None:
    x = outputs(1)
    moved = x.clone()
    moved[:, ::BLOCK] = 100.0
    assert torch.equal(LAYOUT.images(moved), LAYOUT.images(x))
    assert not LAYOUT.texts(moved)[:, ::BLOCK].any()
