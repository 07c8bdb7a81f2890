"""SECURITY.md names a test for each threat; those tests exist."""

import re

import pytest

from tests.support.server.places import ROOT

PAGE = (ROOT / "SECURITY.md").read_text()
THREATS = PAGE.partition("## Threats")[2].partition("## Not defended")[0]
ROWS = [
    line for line in THREATS.splitlines() if re.match(r"\| (?!threat )", line) and "---" not in line
]
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", THREATS)))


def test_every_threat_has_a_test() -> None:
    assert len(ROWS) >= 25
    for row in ROWS:
        assert re.search(r"`tests/[\w/]+\.py::\w+`", row), row


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_the_test_exists(file: str, name: str) -> None:
    assert re.search(rf"^def {name}\(", (ROOT / file).read_text(), re.MULTILINE)
