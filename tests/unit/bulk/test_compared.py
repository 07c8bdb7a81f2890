"""Neighbours of the same images in two folders of parts."""

from pathlib import Path

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from imgvec.bulk.compared import compare
from imgvec.errors import BulkError
from tests.support.server.places import NOBODY, imgvec, server_environment

ROWS, AT = 300, 5


def written(folder: Path, vectors: np.ndarray, names: list[str]) -> Path:
    """Parts of 100 rows."""
    folder.mkdir()
    for number in range(0, len(vectors), 100):
        block = vectors[number : number + 100].astype(np.float32)
        flat = pyarrow.array(block.reshape(-1), pyarrow.float32())
        column = pyarrow.FixedSizeListArray.from_arrays(flat, block.shape[1])
        table = pyarrow.table({"image_path": names[number : number + 100], "embedding": column})
        parquet.write_table(table, folder / f"part-{number:05}.parquet")
    return folder


def vectors_of(seed: int, dimensions: int) -> np.ndarray:
    """Vectors of norm 1."""
    vectors = np.random.default_rng(seed).normal(size=(ROWS, dimensions))
    unit: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


NAMES = [f"{number}.jpg" for number in range(ROWS)]


def nearest(vectors: np.ndarray, row: int) -> set[int]:
    """By sorting all."""
    order = [int(one) for one in np.argsort(-(vectors @ vectors[row])) if one != row]
    return set(order[:AT])


def test_the_overlap_is_that_of_a_full_sort(tmp_path: Path) -> None:
    old, new = vectors_of(1, 32), vectors_of(1, 32)[:, :24]
    shuffled = np.random.default_rng(2).permutation(ROWS)
    one = written(tmp_path / "old", old, NAMES)
    other = written(tmp_path / "new", new[shuffled], [NAMES[row] for row in shuffled])
    found = {item.image_path: item.share for item in compare(one, other, 50, AT)}
    assert len(found) == 50
    for path, share in found.items():
        row = int(path.removesuffix(".jpg"))
        assert share == len(nearest(old, row) & nearest(new, row)) / AT
    assert list(found.values()) == sorted(found.values())


def test_the_command(tmp_path: Path) -> None:
    folder = written(tmp_path / "old", vectors_of(1, 32), NAMES)
    environment = server_environment(tmp_path / "data", NOBODY)
    done = imgvec("bulk", "compare", str(folder), str(folder), environment=environment)
    first = "1.000 of the 10 nearest neighbours are the same, over 300 images"
    assert done.stdout.splitlines()[0] == first


def test_folders_without_a_common_image(tmp_path: Path) -> None:
    one = written(tmp_path / "old", vectors_of(1, 32), NAMES)
    other = written(tmp_path / "new", vectors_of(1, 32), [f"b/{name}" for name in NAMES])
    with pytest.raises(BulkError, match="has none of the images"):
        compare(one, other, 50, AT)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BulkError, match="has no parts"):
        compare(one, tmp_path / "empty", 50, AT)
