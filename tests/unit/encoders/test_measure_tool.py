"""The tool that the model card's figures come from."""

import json
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from imgvec.encoders.registry import shipped_folder
from imgvec.values import Pixels
from tools.measure import main
from tools.photos import NEAR_DUPLICATES, disturbed, enlarged, plain_decode, read_photos
from tools.ranking import different_pairs, paired, ranks, recall, threshold

SCRIPT = shipped_folder() / "tools" / "measure.py"


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
    }
    assert changed["JPEG q30"].format == "JPEG"
    assert np.array_equal(np.asarray(changed["flip"]), np.asarray(image)[:, ::-1])
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


@pytest.fixture
def folder(tmp_path: Path, photos: dict[str, Pixels]) -> Path:
    """A folder of three photos, with captions."""
    for name, pixels in photos.items():
        (tmp_path / f"{name}.png").write_bytes(png(Image.fromarray(pixels)))
    captions = {f"{name}.png": [f"a photo of a {name}"] for name in photos}
    (tmp_path / "captions.json").write_text(json.dumps(captions))
    return tmp_path


def test_it_measures_a_folder(folder: Path) -> None:
    arguments = ["--photos", folder, "--captions", folder / "captions.json", "--large", "1"]
    done = subprocess.run(
        [sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("starter, revision ")
    assert lines[0].endswith(": 3 photos")
    assert [line.partition(":")[0] for line in lines[1:4]] == [
        "decoding",
        "yardstick",
        "decoding, enlarged",
    ]
    assert [line for line in lines if line.endswith("dimensions")] == [
        "512 dimensions",
        "768 dimensions",
        "1024 dimensions",
    ]
    for change in NEAR_DUPLICATES:
        assert lines.count(f"near-duplicates, {change}: rank 1 for 100.0% of 3") == 3
    assert lines.count("text to image, 3 captions, 3 photos: R@1/5/10 100.0 / 100.0 / 100.0") == 3
    assert sum(line.startswith("duplicate threshold 0.") for line in lines) == 3


def test_captions_and_enlarged_photos_are_optional(folder: Path) -> None:
    done = CliRunner().invoke(main, ["--photos", str(folder), "--large", "0"])
    assert done.exit_code == 0
    assert "group threshold" in done.output
    assert "text to image" not in done.output
    assert "enlarged" not in done.output
