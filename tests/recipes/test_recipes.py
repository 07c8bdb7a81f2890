"""Each recipe prints what its page shows, and the stores have the figures of their table."""

import re
from importlib.metadata import version
from pathlib import Path
from typing import Final

import pytest

from tests.recipes.conftest import run_recipe
from tests.support.server.places import ROOT

PAGES: Final = sorted((ROOT / "docs" / "how-to").glob("*.md"))
RUN: Final = re.compile(
    r"^```sh\npython examples/(\w+\.py)([^\n]*)\n```\n+(?:[^\n`]+\n+)?```text\n(.*?)^```$",
    re.M | re.S,
)
STORE: Final = re.compile(
    r"^\| \[[^]]+\]\(../../examples/(store_\w+\.py)\) \|[^|]+\| `([\w-]+)` ([\d.]+) \| ([^|]+) \|$",
    re.M,
)
NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?")
NEAR: Final = 0.015
"""Indexes that are built by threads differ a little from run to run."""
TEXT: Final = "".join(page.read_text() for page in PAGES)
SHOWN: Final = [(script, arguments.split(), text) for script, arguments, text in RUN.findall(TEXT)]
STORES: Final = STORE.findall(TEXT)
HELPERS: Final = {"collection.py", "photos.py"}


def assert_like(found: str, expected: str) -> None:
    """The same text, and the same numbers but for rounding."""
    assert NUMBER.sub("#", found) == NUMBER.sub("#", expected), found
    numbers = [float(one) for one in NUMBER.findall(expected)]
    assert [float(one) for one in NUMBER.findall(found)] == pytest.approx(numbers, abs=NEAR), found


def test_every_recipe_is_on_a_page() -> None:
    scripts = {path.name for path in (ROOT / "examples").glob("*.py")} - HELPERS
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
    assert_like(
        ", ".join(line for line in lines if "recall" in line).replace("recall@5 ", ""), shown
    )
    named = [line for line in lines if "recall" not in line]
    assert all(line.startswith("a cup of coffee: coffee-2") for line in named), named
