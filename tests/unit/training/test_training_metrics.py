import numpy as np
import pytest

from training.features import Floats, Integers
from training.metrics import (
    class_vectors,
    different,
    image_to_text,
    nearest_neighbours,
    neighbourhood,
    text_to_image,
    unit,
    zero_shot,
)


def rows(*values: tuple[float, ...]) -> Floats:
    return np.array(values, np.float32)


AXES: Floats = np.eye(4, dtype=np.float32)


def test_captions_that_equal_their_photos_are_all_found_first() -> None:
    assert text_to_image(AXES, AXES[:, np.newaxis]) == (100, 100, 100)
    assert image_to_text(AXES, AXES[:, np.newaxis]) == (100, 100, 100)


def test_each_caption_is_a_query_of_its_own() -> None:
    """Two photos: one caption of four lies nearer to the other photo."""
    texts = np.stack([AXES[[0, 1]], AXES[[1, 1]]])
    assert text_to_image(AXES[:2], texts) == (75, 100, 100)


def test_a_photo_needs_one_of_its_captions_only() -> None:
    texts = np.stack([AXES[[3, 0]], AXES[[2, 1]]])
    assert image_to_text(AXES[:2], texts).at_1 == 100


def test_the_rank_counts_those_that_score_better() -> None:
    """Twelve photos on an arc; the caption lies at its end, so its own photo ranks last."""
    angles = np.linspace(0, 1, 12)
    images = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    texts = np.repeat(images[-1:], 12, axis=0)[:, np.newaxis]
    recalls = text_to_image(images, texts)
    assert recalls.at_1 == pytest.approx(100 / 12)
    assert recalls.at_5 == pytest.approx(500 / 12)
    assert recalls.at_10 == pytest.approx(1000 / 12)


def test_a_class_is_the_mean_direction_of_its_sentences() -> None:
    prompts = np.stack([rows((2, 0), (0, 1)), rows((0, 5), (0, 1))])
    np.testing.assert_allclose(class_vectors(prompts), rows((2**-0.5, 2**-0.5), (0, 1)), rtol=1e-6)


def test_zero_shot_chooses_the_nearest_class() -> None:
    label: Integers = np.array([0, 1, 2, 0])
    assert zero_shot(AXES, AXES[:3], label) == 100
    assert zero_shot(AXES, AXES[:3], np.array([0, 1, 1, 0])) == 75


def test_like_photos_have_the_class_of_their_neighbours() -> None:
    """Two tight groups of eleven; one of the second carries the first's label, and is outvoted."""
    group = np.repeat(AXES[:2], 11, axis=0)
    label = np.repeat([0, 1], 11)
    assert nearest_neighbours(group, label) == 100
    label[-1] = 0
    assert nearest_neighbours(group, label) == pytest.approx(100 * 21 / 22)


def test_a_photo_is_not_its_own_neighbour() -> None:
    """Of eleven photos, five of class 0: the ten others never give a photo its own class a lead."""
    angles = np.linspace(0, 0.1, 11)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    assert nearest_neighbours(vectors, np.arange(11) % 2 ^ 1) == 0


def test_neighbours_are_the_same_in_blocks_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = unit(np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32))
    label = np.arange(60) % 3
    whole = nearest_neighbours(vectors, label)
    monkeypatch.setattr("training.metrics.ROWS", 7)
    assert nearest_neighbours(vectors, label) == whole


def test_a_neighbourhood_is_kept_by_a_rotation_and_lost_by_noise() -> None:
    random = np.random.default_rng(0)
    vectors = unit(random.normal(size=(200, 16)).astype(np.float32))
    turn = np.linalg.qr(random.normal(size=(16, 16)))[0].astype(np.float32)
    assert neighbourhood(vectors, vectors @ turn) == 100
    other = unit(random.normal(size=(200, 16)).astype(np.float32))
    assert neighbourhood(vectors, other) < 15


def test_different_photos_are_each_pair_once() -> None:
    pairs = different(unit(rows((1, 0), (0, 1), (1, 1))))
    np.testing.assert_allclose(np.sort(pairs), [0, 2**-0.5, 2**-0.5], atol=1e-6)
