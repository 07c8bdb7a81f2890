"""The parts of `imgvec embed --output FOLDER/`, read by the libraries that users have."""

import os
import subprocess
import sys
from pathlib import Path

import datasets
import faiss
import numpy as np
import pandas
import polars
import pytest
from embedding_reader import EmbeddingReader
from pyarrow import parquet

from imgvec import Encoder
from photos import PATHS
from tests.recipes.conftest import run_recipe
from tests.support.server.places import ROOT

DIMENSIONS = 512
FORMATS = ("parquet", "npy", "clip-retrieval")


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same photos in each format, in parts of 20."""
    folders = {form: tmp_path_factory.mktemp(form) for form in FORMATS}
    for form, folder in folders.items():
        command = [sys.executable, "-m", "imgvec", "embed", *map(str, PATHS), "-o", f"{folder}/"]
        options = ["--format", form, "--shard", "20", "--dimensions", str(DIMENSIONS)]
        subprocess.run([*command, *options], env=os.environ, cwd=ROOT, check=True)
    return folders


@pytest.fixture(scope="module")
def expected() -> np.ndarray:
    """Vectors of all photos, from Python."""
    with Encoder(dimensions=DIMENSIONS) as encoder:
        return encoder.images(PATHS)


def test_tables(jobs: dict[str, Path], expected: np.ndarray) -> None:
    folder = jobs["parquet"]
    pattern = f"{folder}/part-*.parquet"
    cache = str(folder.parent / "cache")
    found = {
        "pyarrow": parquet.read_table(folder)["embedding"].to_pylist(),
        "pandas": pandas.read_parquet(folder)["embedding"].tolist(),
        "polars": polars.read_parquet(pattern)["embedding"].to_list(),
        "datasets": datasets.load_dataset(
            "parquet", data_files=pattern, split="train", cache_dir=cache
        )["embedding"][:],
    }
    for name, vectors in found.items():
        assert np.array_equal(np.array(vectors, np.float32), expected), name


@pytest.mark.parametrize("form", FORMATS)
def test_embedding_reader(jobs: dict[str, Path], expected: np.ndarray, form: str) -> None:
    folder = jobs[form]
    if form == "parquet":
        reader = EmbeddingReader(
            embeddings_folder=str(folder),
            file_format="parquet",
            embedding_column="embedding",
            metadata_folder=str(folder),
            meta_columns=["image_path"],
        )
    elif form == "npy":
        reader = EmbeddingReader(embeddings_folder=str(folder), file_format="npy")
    else:
        reader = EmbeddingReader(
            embeddings_folder=str(folder / "img_emb"),
            metadata_folder=str(folder / "metadata"),
            file_format="parquet_npy",
            meta_columns=["image_path"],
        )
    assert (reader.count, reader.dimension) == (len(PATHS), DIMENSIONS)
    batches = list(reader(batch_size=10, start=0, end=reader.count))
    vectors = np.concatenate([batch[0] for batch in batches])
    assert np.array_equal(vectors, expected)
    if form != "npy":
        paths = [path for batch in batches for path in batch[1]["image_path"]]
        assert paths == [str(path) for path in PATHS]


def test_an_index_of_faiss_finds_each_photo_first(jobs: dict[str, Path]) -> None:
    parts = sorted(jobs["npy"].glob("part-*.npy"))
    vectors = np.concatenate([np.load(part) for part in parts])
    index = faiss.IndexFlatIP(DIMENSIONS)
    index.add(vectors)
    _, nearest = index.search(vectors, 1)
    assert nearest[:, 0].tolist() == list(range(len(PATHS)))


def test_the_recipe_loads_every_part_into_each_store(jobs: dict[str, Path]) -> None:
    printed = run_recipe("load_parts.py", str(jobs["parquet"]))
    assert printed.splitlines()[-1] == "64, 64, 64, 64 vectors"
