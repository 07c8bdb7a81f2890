"""Photos to measure with, and what vectors are judged by."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgvec_models.quality.photos import (
    NEAR_DUPLICATES,
    disturbed,
    enlarged,
    plain_decode,
    read_photos,
)
from imgvec_models.quality.ranking import (
    Matrix,
    Recalls,
    class_vectors,
    different_pairs,
    image_to_text,
    nearest_neighbours,
    overlap,
    paired,
    ranks,
    recall,
    text_to_image,
    threshold,
    unit,
    zero_shot,
)


def picture(width: int, height: int, seed: int = 0) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def png(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data))


def rows(*values: list[float]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.array(values, np.float32)


def test_a_rank_counts_what_is_nearer_and_ties_against_the_match() -> None:
    gallery = rows([1, 0], [0, 1], [1, 0], [-1, 0])
    queries = rows([1, 0], [0.6, 0.8], [0, 1])
    found = ranks(queries, gallery, np.array([0, 0, 3]))
    assert found.tolist() == [2, 3, 4]


@pytest.mark.parametrize(("at", "share"), [(1, 0.25), (2, 0.5), (9, 0.75), (10, 1.0)])
def test_recall_is_the_share_of_ranks_up_to_it(at: int, share: float) -> None:
    assert recall(np.array([1, 2, 5, 10]), at) == share


def test_each_pair_of_different_rows_counts_once() -> None:
    pairs = different_pairs(rows([1, 0], [0, 1], [0.6, 0.8]))
    assert pairs.tolist() == pytest.approx([0, 0.6, 0.8])


def test_pairs_are_taken_row_by_row() -> None:
    assert paired(rows([1, 2], [3, 4]), rows([5, 6], [7, 8])).tolist() == [17, 53]


@pytest.mark.parametrize(
    ("false", "similarity", "recall"),
    [
        pytest.param(0.0, 0.71, 0.5, id="none"),
        pytest.param(0.25, 0.51, 0.75, id="one in four"),
        pytest.param(0.5, 0.31, 1.0, id="one in two"),
        pytest.param(1.0, 0.0, 1.0, id="all"),
    ],
)
def test_a_threshold_is_the_lowest_that_few_enough_pairs_reach(
    false: float, similarity: float, recall: float
) -> None:
    different = np.array([0.105, 0.305, 0.505, 0.705])
    near = np.array([0.4, 0.6, 0.8, 0.9])
    found = threshold(different, near, false)
    assert (found.similarity, found.false, found.recall) == (similarity, false, recall)


def test_equal_photos_reach_no_threshold() -> None:
    found = threshold(np.array([1.0, 1.0]), np.array([1.0]), 0.0)
    assert (found.similarity, found.false, found.recall) == (1.01, 0.0, 0.0)


def test_only_photos_are_read_by_name(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.PNG", "captions.json", "c.txt", "d.webp"):
        (tmp_path / name).write_bytes(name.encode())
    found = read_photos(tmp_path)
    assert [(photo.name, photo.data) for photo in found] == [
        ("a.PNG", b"a.PNG"),
        ("b.jpg", b"b.jpg"),
        ("d.webp", b"d.webp"),
    ]


def test_plain_decoding_keeps_an_image_of_the_size() -> None:
    image = picture(260, 260)
    assert np.array_equal(plain_decode(png(image), 260), np.asarray(image))


@pytest.mark.parametrize(("width", "height"), [(30, 20), (20, 31), (400, 20), (21, 20)])
def test_plain_decoding_resizes_whole_and_crops_the_centre(width: int, height: int) -> None:
    image = picture(width, height)
    ratio = 40 / min(width, height)
    whole = np.asarray(
        image.resize((round(width * ratio), round(height * ratio)), Image.Resampling.BICUBIC)
    )
    top, left = (whole.shape[0] - 40) // 2, (whole.shape[1] - 40) // 2
    expected = whole[top : top + 40, left : left + 40]
    assert np.array_equal(plain_decode(png(image), 40), expected)


def test_near_duplicates_are_what_their_names_say() -> None:
    image = picture(100, 60)
    changed = {name: opened(change(png(image))) for name, change in NEAR_DUPLICATES.items()}
    assert {name: one.size for name, one in changed.items()} == {
        "JPEG q30": (100, 60),
        "half size": (50, 30),
        "80 % crop": (80, 48),
        "flip": (100, 60),
        "brightness": (100, 60),
    }
    assert changed["JPEG q30"].format == "JPEG"
    assert np.array_equal(np.asarray(changed["flip"]), np.asarray(image)[:, ::-1])
    brighter = np.minimum(np.asarray(image) * 1.3, 255)
    np.testing.assert_allclose(np.asarray(changed["brightness"]), brighter, atol=1)
    assert np.array_equal(np.asarray(changed["80 % crop"]), np.asarray(image)[6:54, 10:90])


def test_a_photo_is_enlarged_to_a_jpeg_of_the_same_shape() -> None:
    large = opened(enlarged(png(picture(40, 30)), 480_000))
    assert large.format == "JPEG"
    assert large.size == (800, 600)


def test_the_yardstick_changes_one_value_in_a_thousand_by_one_level() -> None:
    pixels = np.full((100, 100, 3), 254, np.uint8)
    pixels[50:] = 255
    changed = disturbed(pixels)
    assert changed.dtype == np.uint8
    assert set(np.unique(changed)) == {254, 255}
    assert 5 <= int((changed != pixels).sum()) <= 30
    assert np.array_equal(changed, disturbed(pixels))


IMAGES = unit(rows([1, 0, 0], [0, 1, 0], [0, 0, 1]))
TEXTS = unit(rows([5, 1, 0], [1, 2, 0], [0, 5, 1], [3, 1, 2], [0, 1, 9], [4, 5, 0]))
PHOTO = np.array([0, 0, 1, 1, 2, 2])


def test_texts_find_their_photos() -> None:
    """Ranks 1, 2, 1, 3, 1, 3 by hand."""
    assert text_to_image(IMAGES, TEXTS, PHOTO) == Recalls(3 / 6, 1.0, 1.0)


def test_a_photo_finds_the_best_placed_of_its_texts() -> None:
    """The last photo's own texts come first and last; the second's best is beaten by none."""
    assert image_to_text(IMAGES, TEXTS, PHOTO) == Recalls(1.0, 1.0, 1.0)
    assert image_to_text(IMAGES, TEXTS, PHOTO[::-1].copy()) == Recalls(1 / 3, 1.0, 1.0)


def test_recalls_are_written_in_percent() -> None:
    assert str(Recalls(0.221, 0.527, 0.66)) == "22.1 / 52.7 / 66.0"


def test_a_class_is_the_mean_direction_of_its_sentences() -> None:
    prompts = np.stack([rows([2, 0], [0, 1]), rows([0, 3], [0, 5])])
    np.testing.assert_allclose(class_vectors(prompts), unit(rows([1, 1], [0, 1])), atol=1e-6)


def test_zero_shot_is_the_share_nearest_to_their_own_class() -> None:
    classes = rows([1, 0], [0, 1])
    images = unit(rows([3, 1], [1, 3], [2, 1], [1, 2]))
    assert zero_shot(images, classes, np.array([0, 1, 1, 1])) == 0.75


def clusters() -> Matrix:
    """Three tight groups of eleven rows on far axes, so that ten neighbours are the group."""
    around = np.random.default_rng(0).normal(0, 0.01, (33, 3))
    return unit((np.repeat(np.eye(3), 11, axis=0) + around).astype(np.float32))


def test_neighbours_vote_and_nobody_votes_for_himself() -> None:
    label = np.repeat([0, 1, 2], 11)
    assert nearest_neighbours(clusters(), label) == 1.0
    label[0] = 2
    assert nearest_neighbours(clusters(), label) == 32 / 33


def test_a_tied_vote_goes_to_the_smallest_number() -> None:
    one_each = unit(rows([1, 0.1], [1, 0], [1, -0.1]))
    assert nearest_neighbours(one_each, np.array([0, 1, 0])) == pytest.approx(2 / 3)


def test_overlap_is_the_share_of_neighbours_that_stay() -> None:
    one = clusters()
    assert overlap(one, one) == 1.0
    moved = one.copy()
    moved[[0, 11]] = moved[[11, 0]]
    # Two rows keep none, the twenty others of their groups lose one of ten, eleven lose none.
    assert overlap(one, moved) == pytest.approx((20 * 0.9 + 11) / 33)


def test_a_photo_is_not_its_own_neighbour() -> None:
    """Of eleven photos, five of class 0: the ten others never give a photo its own class a lead."""
    angles = np.linspace(0, 0.1, 11)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    assert nearest_neighbours(vectors, np.arange(11) % 2 ^ 1) == 0


def test_neighbours_are_the_same_in_blocks_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = unit(np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32))
    label = np.arange(60) % 3
    whole = nearest_neighbours(vectors, label)
    monkeypatch.setattr("imgvec_models.quality.ranking.ROWS", 7)
    assert nearest_neighbours(vectors, label) == whole
