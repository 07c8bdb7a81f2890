from pathlib import Path

import numpy as np
import pytest
import torch

from training.heads import Heads, Standard, load, new_head, save
from training.layout import WIDTH, Layout
from training.starter import place

LAYOUT = Layout((155, 100), (0.3, 0.7), 2.0)


def heads(layout: Layout | None) -> Heads:
    torch.manual_seed(0)
    standard = Standard(torch.rand(1280), torch.rand(1280) + 0.5)
    return Heads(new_head(1280, 5, WIDTH), new_head(384, 3, WIDTH), standard, layout)


@pytest.mark.parametrize("layout", [None, LAYOUT], ids=["as a whole", "in parts"])
def test_a_file_gives_back_the_heads(tmp_path: Path, layout: Layout | None) -> None:
    path, written = tmp_path / "heads.npz", heads(layout)
    save(written, path)
    read = load(path)
    assert read.layout == layout
    images, texts = torch.rand(4, 1280), torch.rand(4, 384)
    assert torch.equal(read.images(images), written.images(images))
    assert torch.equal(read.texts(texts), written.texts(texts))


def test_the_file_has_the_starters_names(tmp_path: Path) -> None:
    path = tmp_path / "heads.npz"
    save(heads(None), path)
    layers = {
        f"{side}.{layer}.{kind}"
        for side in ("img", "txt")
        for layer in ("lin", "a", "b")
        for kind in ("weight", "bias")
    }
    with np.load(path) as file:
        assert set(file.files) == layers | {"mean", "std"}
        assert all(file[name].dtype == np.float32 for name in file.files)


def test_heads_without_a_layout_take_features_as_they_are() -> None:
    """The first starter's: one norm over all."""
    read, features = heads(None), torch.rand(3, 1280)
    z = (features - read.standard.mean) / read.standard.std
    y = read.image.lin(z) + read.image.b(torch.relu(read.image.a(z)))
    torch.testing.assert_close(read.images(features), y / y.norm(dim=1, keepdim=True))


def test_standardising_can_be_undone() -> None:
    standard, features = heads(LAYOUT).standard, 6 * torch.rand(5, 1280)
    torch.testing.assert_close(standard.undo(standard(features)), features)


def test_a_placed_head_fills_the_blocks_but_for_their_constants() -> None:
    torch.manual_seed(1)
    layout = Layout((255,), (1.0,), 2.0)
    head, x = new_head(384, 7, 4 * 255), torch.randn(6, 384)
    blocks = place(head, layout)(x).view(6, 4, 256)
    assert (blocks[:, :, 0] == 0).all()
    torch.testing.assert_close(blocks[:, :, 1:].flatten(1), head(x))
