"""Every relative link of every page leads to a file, and every anchor to a heading of it."""

import re
import subprocess
from pathlib import Path

import pytest

from imgvec.settings import Settings
from tests.support.server.places import ROOT

DOCS = ROOT / "docs"
LINK = re.compile(r"\]\(([^)#:\s]*)(?:#([^)\s]+))?\)")


def pages() -> list[Path]:
    """Pages that git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in sorted(set(listed.stdout.split("\0"))) if name]


PAGES = [page for page in pages() if page.exists()]


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text()):
        leads_to = page.parent / target if target else page
        assert leads_to.exists(), target
        assert not anchor or anchor in anchors(leads_to), f"{target}#{anchor}"


def test_anchors_are_those_of_the_headings(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# `imgvec` on AWS, and its cost\n```sh\n# no heading\n```\n## Next-steps\n")
    assert anchors(page) == {"imgvec-on-aws-and-its-cost", "next-steps"}


def test_the_index_names_every_page() -> None:
    index = DOCS / "README.md"
    linked = {(DOCS / target).resolve() for target, _ in LINK.findall(index.read_text())}
    assert {page for page in PAGES if page.is_relative_to(DOCS)} - {index} <= linked


def test_every_setting_named_in_a_page_exists() -> None:
    known = {f"IMGVEC_{name.upper()}" for name in Settings.model_fields}
    for page in [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]:
        named = set(re.findall(r"IMGVEC_[A-Z_]+[A-Z]", page.read_text()))
        assert named <= known, page.name
