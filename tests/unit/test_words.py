"""Pages are in plain English: words that made readers stop do not come back."""

import re
from pathlib import Path

import pytest

from tests.unit.test_links import PAGES

RIDDLE = re.compile(r"(?:[.:;] |\| |\n(?:#+ |- |\d\. )?)(?:What|Who|Whoever|Whatever)\b[^?\n]*")
WORDS = re.compile(r"\b(?:(?<!connection )refus\w+|told|whoever)\b", re.I)
MERGE = re.compile(r"^(?:<{7} |={7}$|>{7} )", re.M)
CODE = re.compile(r"^```.*?^```$|`[^`]*`|\]\([^)]*\)", re.M | re.S)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_have_no_riddles(page: Path) -> None:
    prose = CODE.sub("", page.read_text())
    assert not [*RIDDLE.findall(prose), *WORDS.findall(prose)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_have_no_marks_of_a_merge(page: Path) -> None:
    assert not MERGE.search(page.read_text())
