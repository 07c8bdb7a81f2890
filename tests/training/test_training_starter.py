from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from imgvec_models.quality.ranking import text_to_image, unit
from training import starter
from training.batches import (
    Material,
    class_batch,
    gather,
    photo_batch,
    picture_batch,
)
from training.evaluate import agreement, captioned, labelled, names
from training.features import (
    TRAINING,
    VALIDATION,
    Labelled,
    Pairs,
    read_captioned,
    read_classes,
    read_labelled,
)
from training.heads import Head, Heads, Linear, Standard, new_head
from training.layout import WIDTH
from training.objective import objective
from training.recipes import STARTER, Recipe
from training.starter import turn
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


def small(epochs: int) -> Recipe:
    return replace(
        STARTER, width=16, hidden_image=8, hidden_text=8, epochs=epochs, pictures=4, batch=16
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


ALONE = replace(STARTER, width=16, pictures=4, image_neighbours=0, text_neighbours=0, knowledge=0)


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
    monkeypatch.setattr(starter, "STARTER", replace(small(1), width=255))
    told: list[str] = []
    heads = starter.train_heads(
        features_folder, material.photos, material.classes, material.classifier, told.append
    )
    assert told == ["32 photos, 12 classes"]
    validation = read_captioned(features_folder).part(VALIDATION)
    assert numbers(captioned(heads, validation)) == ["512", "768", "1024"]
    caltech = read_labelled(features_folder / "caltech101_test.npz")
    assert numbers(labelled(heads, caltech)) == ["512", "768", "1024", "tower"]
    seen, unseen = np.arange(0, 8), np.arange(8, 12)
    first, second = names(heads, material.classes, seen, unseen)
    assert first.startswith("zero-shot of 8 classes among all 12 names")
    assert second.startswith("zero-shot among 4 classes not trained on")


@pytest.mark.parametrize("blocks", [2, 4])
def test_heads_turned_into_blocks_give_their_cosines_in_half_and_whole(
    material: Material, blocks: int
) -> None:
    """Eight directions carry everything here, and each pair of blocks has sixteen."""
    torch.manual_seed(0)
    raised = torch.randn(8, 256) / 8
    joined = [
        Head(
            Linear(raised.T @ head.lin.weight, raised.T @ head.lin.bias),
            head.a,
            Linear(raised.T @ head.b.weight, raised.T @ head.b.bias),
        )
        for head in (new_head(width, 20, 8) for width in (48, 24))
    ]
    large = Heads(joined[0], joined[1], material.standard, None)
    image, text = turn(large, material, 8)
    features = torch.from_numpy(material.photos.features)
    captions = torch.from_numpy(material.photos.captions[:, 0])
    before = large.images(features) @ large.texts(captions).T
    x, t = (
        functional.normalize(y[:, : 8 * blocks], dim=1)
        for y in (image(material.standard(features)), text(captions))
    )
    torch.testing.assert_close(x @ t.T, before, atol=1e-5, rtol=0)


def test_training_begins_with_the_heads_that_it_is_given(material: Material) -> None:
    recipe = replace(small(1), rate=0.0)
    start = new_head(48, 8, 64), new_head(24, 8, 64)
    trained = train(material, recipe, print, start)
    assert torch.equal(trained[0].lin.weight, start[0].lin.weight)
    random = train(material, recipe, print)
    assert not torch.equal(random[0].lin.weight, start[0].lin.weight)


def axes(rows: int, columns: int) -> Tensor:
    return torch.eye(max(rows, columns))[:rows, :columns]


def test_a_photo_scores_the_towers_probability_of_its_nearest_name() -> None:
    """Each photo chooses a name of its own; the tower gives all of them half to the first."""

    def head(width: int) -> Head:
        none = Linear(torch.zeros(0, width), torch.zeros(0))
        rest = Linear(torch.zeros(WIDTH, 0), torch.zeros(WIDTH))
        return Head(Linear(axes(WIDTH, width), torch.zeros(WIDTH)), none, rest)

    heads = Heads(head(48), head(24), Standard(torch.zeros(48), torch.ones(48)), None)
    features, names = axes(CLASSES, 48).numpy(), axes(CLASSES, 24).numpy()
    photos = Pairs(features, names[:, np.newaxis])
    classes = Labelled(features, np.arange(CLASSES), np.stack([names, names]))
    shares = torch.full((CLASSES,), 0.5 / (CLASSES - 1))
    shares[0] = 0.5
    tower = Linear(torch.zeros(CLASSES, 48), shares.log())
    assert agreement(heads, photos, classes, tower).endswith("8.3% of at most 50.0%")
