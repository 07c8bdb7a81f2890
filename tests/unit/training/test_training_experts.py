from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the training tool needs torch: pip install torch==2.13.0")

import torch

from imgvec_models.quality.ranking import text_to_image, unit
from training import starter
from training.batches import (
    Material,
    class_batch,
    gather,
    photo_batch,
    picture_batch,
)
from training.correlation import linear_expert
from training.evaluate import captioned, labelled, names
from training.features import (
    TRAINING,
    VALIDATION,
    Pairs,
    read_captioned,
    read_classes,
    read_labelled,
)
from training.heads import Head, Linear, new_head
from training.objective import objective
from training.recipes import CAPTIONS, NAMES, Recipe
from training.train import train

CLASSES = 12


@pytest.fixture(scope="module")
def material(features_folder: Path) -> Material:
    torch.manual_seed(0)
    classes = read_classes(features_folder / "imagenet_classes.npz")
    tower = Linear(torch.randn(CLASSES, 48) / 40, torch.zeros(CLASSES))
    return gather(features_folder, read_captioned(features_folder).part(TRAINING), classes, tower)


def found_first(material: Material, pairs: Pairs, head: tuple[Head, Head]) -> float:
    images = head[0](material.standard(torch.from_numpy(pairs.features)))
    texts = head[1](torch.from_numpy(pairs.captions.reshape(-1, 24)))
    photo = np.repeat(np.arange(len(pairs.features)), 5)
    return text_to_image(unit(images.numpy()), unit(texts.numpy()), photo).at_1


def test_features_are_standardised_over_all_collections(material: Material) -> None:
    every = [material.photos.features, *(pictures.features for pictures in material.pictures)]
    z = material.standard(torch.from_numpy(np.concatenate(every)))
    torch.testing.assert_close(z.mean(dim=0), torch.zeros(48), atol=1e-4, rtol=0)
    torch.testing.assert_close(z.std(dim=0, correction=0), torch.ones(48), atol=1e-3, rtol=0)


def test_a_photo_lies_between_its_views_and_its_text_between_its_captions(
    material: Material,
) -> None:
    rows = torch.tensor([3, 1])
    batch = photo_batch(material, rows)
    assert material.photos.augmented is not None
    ends = [
        material.standard(torch.from_numpy(view[rows.numpy()]))
        for view in (material.photos.features, material.photos.augmented)
    ]
    low, high = torch.minimum(*ends), torch.maximum(*ends)
    assert ((batch.images >= low - 1e-5) & (batch.images <= high + 1e-5)).all()
    torch.testing.assert_close(batch.texts.norm(dim=1), torch.ones(2))
    nearest = torch.einsum(
        "ncd,nd->nc", torch.from_numpy(material.photos.captions[rows.numpy()]), batch.texts
    )
    assert (nearest.amax(dim=1) > 0.5).all()


def test_photos_without_a_second_view_are_refused(material: Material) -> None:
    single = replace(material, photos=replace(material.photos, augmented=None))
    with pytest.raises(ValueError, match="augmented view"):
        photo_batch(single, torch.tensor([0]))


def test_every_collection_gives_as_many_pictures(material: Material) -> None:
    batch = picture_batch(material, 6)
    assert batch.images.shape == (6 * 4, 48)
    assert batch.texts.shape == (6 * 4, 24)


def test_classes_are_drawn_with_their_names(material: Material) -> None:
    chosen, names = class_batch(material, 5)
    assert len(set(chosen.tolist())) == 5
    own = torch.from_numpy(material.classes.prompts)[:, chosen]
    assert (own == names).all(dim=2).any(dim=0).all()


def test_the_linear_expert_finds_a_linear_rule(material: Material, features_folder: Path) -> None:
    expert = linear_expert(material, 2)
    assert expert[0].lin.weight.shape == (8, 48)
    assert found_first(material, read_captioned(features_folder).part(VALIDATION), expert) > 0.6


def test_the_linear_expert_deals_out_its_strongest_directions(material: Material) -> None:
    """The first value of each block correlates more than the last."""
    image, text = linear_expert(material, 4)
    x = image(material.standard(torch.from_numpy(material.photos.features)))
    t = text(torch.from_numpy(material.photos.captions.mean(axis=1)))
    strength = (x * t).mean(dim=0).view(4, 4)
    assert (strength[:, 0] > strength[:, 3]).all()
    assert (strength[:, 0] > strength[:, :1].max() / 10).all()


def small(epochs: int) -> Recipe:
    return replace(
        NAMES, width=16, hidden_image=8, hidden_text=8, epochs=epochs, pictures=4, batch=16
    )


def test_training_learns_a_rule_that_holds_for_other_photos(
    material: Material, features_folder: Path
) -> None:
    validation, told = read_captioned(features_folder).part(VALIDATION), list[str]()
    recipe = replace(small(20), rate=2e-2)
    before = found_first(material, validation, train(material, replace(recipe, rate=0.0), print))
    after = found_first(material, validation, train(material, recipe, told.append))
    assert before < 0.2
    assert after > 0.4
    assert len(told) == 5


def test_training_again_gives_the_same_weights(material: Material) -> None:
    first, second = (train(material, small(1), print) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert torch.equal(one.b.weight, other.b.weight)


ALONE = replace(NAMES, width=16, pictures=4, image_neighbours=0, text_neighbours=0, knowledge=0)


@pytest.mark.parametrize(
    ("once", "twice"),
    [
        pytest.param(
            replace(ALONE, image_neighbours=1),
            replace(ALONE, image_neighbours=2),
            id="image neighbours",
        ),
        pytest.param(
            replace(ALONE, text_neighbours=1),
            replace(ALONE, text_neighbours=2),
            id="text neighbours",
        ),
        pytest.param(replace(ALONE, knowledge=1), replace(ALONE, knowledge=2), id="knowledge"),
    ],
)
def test_each_term_adds_to_the_loss_by_its_weight(
    material: Material, once: Recipe, twice: Recipe
) -> None:
    torch.manual_seed(0)
    heads = new_head(48, 8, 64), new_head(24, 8, 64)

    def loss(recipe: Recipe) -> float:
        torch.manual_seed(1)
        total = objective(material, recipe, heads, torch.full((2,), 20.0), torch.arange(16))
        return float(total)

    added = loss(once) - loss(ALONE)
    assert added > 1e-3
    assert loss(twice) - loss(ALONE) == pytest.approx(2 * added, rel=1e-3)


def test_a_quarter_of_the_classes_is_held_out() -> None:
    seen, unseen = starter.held_out(1000)
    assert len(unseen) == 250
    assert np.array_equal(np.sort(np.concatenate([seen, unseen])), np.arange(1000))


def numbers(lines: Iterator[str]) -> list[str]:
    return [line.split()[0] for line in lines]


def test_the_table_has_a_line_for_each_prefix(
    features_folder: Path, material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starter, "CAPTIONS", replace(CAPTIONS, epochs=1, batch=32))
    monkeypatch.setattr(starter, "NAMES", replace(small(1), width=171))
    monkeypatch.setattr(starter, "LINEAR_WIDTH", 4)
    told: list[str] = []
    heads = starter.train_heads(
        features_folder, material.photos, material.classes, material.classifier, told.append
    )
    assert [line.split()[0] for line in told] == ["linear", "captions", "names"]
    validation = read_captioned(features_folder).part(VALIDATION)
    assert numbers(captioned(heads, validation)) == ["512", "768", "1024"]
    caltech = read_labelled(features_folder / "caltech101_test.npz")
    assert numbers(labelled(heads, caltech)) == ["512", "768", "1024", "tower"]
    seen, unseen = np.arange(0, 8), np.arange(8, 12)
    first, second = names(heads, material.classes, seen, unseen)
    assert first.startswith("zero-shot of 8 classes among all 12 names")
    assert second.startswith("zero-shot among 4 classes not trained on")
