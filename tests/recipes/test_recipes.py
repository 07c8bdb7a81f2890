"""Each recipe prints what its page shows, and the stores have the figures of their table."""

import re
import shlex
from importlib.metadata import version
from pathlib import Path
from typing import Final

import pytest

from imgvec.encoders.onnx import OnnxEncoder
from imgvec.encoders.registry import shipped_folder
from imgvec_models.quality.experiments import Bench, duplicates
from imgvec_models.quality.photos import CHANGES, NEAR_DUPLICATES, read_photos
from photos import PATHS
from tests.recipes.conftest import run_recipe
from tests.support.server.places import ROOT

PAGES: Final = sorted((ROOT / "docs").rglob("*.md"))
RUN: Final = re.compile(
    r"^```sh\npython examples/(\w+\.py)([^\n]*)\n```\n+(?:[^\n`]+\n+)?```text\n(.*?)^```$",
    re.M | re.S,
)
STORE: Final = re.compile(
    r"^\| \[[^]]+\]\(../../examples/(store_\w+\.py)\) \|[^|]+\| `([\w-]+)` ([\d.]+) \| ([^|]+) \|$",
    re.M,
)
MOVED: Final = re.compile(
    r"(?:near-duplicates|changed), (.+): rank 1 for ([\d.]+)% of 64, "
    r"cosine median ([\d.]+), min ([\d.]+)"
)
"""A line of `imgvec models quality`."""
NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?")
NEAR: Final = 0.015
"""Indexes that are built by threads differ a little from run to run."""
TEXT: Final = "".join(page.read_text() for page in PAGES)
SHOWN: Final = [
    (script, shlex.split(arguments), text) for script, arguments, text in RUN.findall(TEXT)
]
STORES: Final = STORE.findall(TEXT)
HELPERS: Final = {"collection.py", "photos.py"}
OF_JOBS: Final = {"load_parts.py"}
"""Those that need a job's folder; test_parts_of_jobs.py runs them."""


def assert_like(found: str, expected: str) -> None:
    """The same text, and the same numbers but for rounding."""
    assert NUMBER.sub("#", found) == NUMBER.sub("#", expected), found
    numbers = [float(one) for one in NUMBER.findall(expected)]
    assert [float(one) for one in NUMBER.findall(found)] == pytest.approx(numbers, abs=NEAR), found


def test_every_recipe_is_on_a_page() -> None:
    scripts = {path.name for path in (ROOT / "examples").glob("*.py")} - HELPERS - OF_JOBS
    assert {row[0] for row in STORES} | {row[0] for row in SHOWN} == scripts


@pytest.mark.parametrize(
    "path", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.name
)
def test_a_recipe_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 40


@pytest.mark.parametrize(("script", "arguments", "shown"), SHOWN, ids=[row[0] for row in SHOWN])
def test_a_recipe_prints_what_its_page_shows(script: str, arguments: list[str], shown: str) -> None:
    assert_like(run_recipe(script, *arguments), shown)


@pytest.mark.parametrize(("script", "package", "tested", "shown"), STORES)
def test_a_store_finds_what_its_row_says(
    script: str, package: str, tested: str, shown: str
) -> None:
    assert version(package) == tested
    lines = run_recipe(script).splitlines()
    found = [line.rpartition("recall@5 ")[2] for line in lines if "recall@5 " in line]
    assert_like(", ".join(found), shown)
    named = [line for line in lines if "recall@5 " not in line]
    assert all(line.startswith("a cup of coffee: coffee-2") for line in named), named


def test_the_page_of_vectors_says_how_far_changes_move_them() -> None:
    bench = Bench(OnnxEncoder(shipped_folder() / "starter"), 1024)
    photos = read_photos(PATHS[0].parent)
    gallery = bench.images(bench.decoded(photo.data for photo in photos))
    measured = [MOVED.fullmatch(line) for line in duplicates(bench, photos, gallery)]
    rows = [f"| {one[1]} | {one[3]} | {one[4]} | {one[2]} % |" for one in measured if one]
    assert len(rows) == len(NEAR_DUPLICATES) + len(CHANGES)
    table = TEXT.partition("| change | cosine, median |")[2].partition("\n\n")[0]
    assert_like("\n".join(rows), table.partition("|---|---|---|---|\n")[2])
