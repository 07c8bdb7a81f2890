from pathlib import Path

import numpy as np
import pytest

from training.features import (
    TEST,
    TRAINING,
    VALIDATION,
    Captioned,
    read_captioned,
    read_classes,
    read_labelled,
    read_pairs,
)


def half(*shape: int, seed: int = 0) -> np.ndarray[tuple[int, ...], np.dtype[np.float16]]:
    return np.random.default_rng(seed).uniform(0.1, 1, shape).astype(np.float16)


@pytest.fixture
def captioned(tmp_path: Path) -> Captioned:
    np.savez(
        tmp_path / "flickr8k.npz",
        features=half(4, 6),
        features_augmented=half(4, 6, seed=1),
        captions=half(4, 5, 3),
        split=np.array([0, 1, 2, 0], np.int8),
        name=np.array(["a", "b", "c", "d"]),
    )
    return read_captioned(tmp_path)


@pytest.mark.parametrize(
    ("splits", "without", "kept"),
    [
        pytest.param((TRAINING,), frozenset(), [0, 3], id="training"),
        pytest.param((TEST,), frozenset(), [2], id="test"),
        pytest.param((TRAINING, VALIDATION), frozenset(), [0, 1, 3], id="both to train on"),
        pytest.param((TRAINING, VALIDATION), frozenset({"b", "x"}), [0, 3], id="held out by name"),
    ],
)
def test_a_part_is_its_splits_less_those_named(
    captioned: Captioned, splits: tuple[int, ...], without: frozenset[str], kept: list[int]
) -> None:
    part = captioned.part(*splits, without=without)
    np.testing.assert_array_equal(part.features, captioned.pairs.features[kept])
    np.testing.assert_array_equal(part.captions, captioned.pairs.captions[kept])
    assert part.augmented is not None
    assert captioned.pairs.augmented is not None
    np.testing.assert_array_equal(part.augmented, captioned.pairs.augmented[kept])


def test_texts_have_norm_1_in_float32(captioned: Captioned) -> None:
    norms = np.linalg.norm(captioned.pairs.captions, axis=-1)
    assert captioned.pairs.captions.dtype == np.float32
    np.testing.assert_allclose(norms, 1, atol=1e-6)


def test_classes_stand_in_the_order_of_the_classifier(tmp_path: Path) -> None:
    path, features, prompts = tmp_path / "classes.npz", half(3, 6), half(2, 3, 4)
    definition = half(3, 4, seed=2)
    np.savez(
        path,
        features=features,
        prompts=prompts,
        definition=definition,
        class_index=np.array([2, 0, 1]),
    )
    classes = read_classes(path)
    np.testing.assert_array_equal(classes.features, features[[1, 2, 0]].astype(np.float32))
    assert classes.prompts.shape == (3, 3, 4)
    last = definition[1].astype(np.float32)
    np.testing.assert_allclose(classes.prompts[-1, 0], last / np.linalg.norm(last), rtol=1e-6)


def test_some_classes_are_numbered_anew(tmp_path: Path) -> None:
    path = tmp_path / "pacs.npz"
    np.savez(path, features=half(3, 6), label=np.array([0, 1, 2], np.int16), prompts=half(2, 3, 4))
    labelled = read_labelled(path)
    some = labelled.classes(np.array([2, 0]))
    assert some.label.tolist() == [0, 1]
    np.testing.assert_array_equal(some.prompts, labelled.prompts[:, [2, 0]])
    np.testing.assert_array_equal(some.features, labelled.features[[2, 0]])


def test_pictures_have_no_second_view(tmp_path: Path) -> None:
    path = tmp_path / "tuxpaint.npz"
    np.savez(path, features=half(3, 6), captions=half(3, 1, 4))
    pictures = read_pairs(path)
    assert pictures.augmented is None
    assert pictures.take(np.array([1])).captions.shape == (1, 1, 4)
