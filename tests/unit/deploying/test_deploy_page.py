"""The pages and the Makefile, where they tell of a deployment, held to the code."""

import re
import subprocess
import tomllib
from typing import Final

import pytest

from infra.throttles import choose_throttles
from tests.support.aws.token_bucket import Bucket
from tests.support.aws.translated_template import written
from tests.support.server.places import ROOT

PAGE: Final = (ROOT / "docs" / "how-to" / "burst.md").read_text()
ROW: Final = re.compile(r"^\| (\d[\d,]*\d)[^|]* \| (\d+) \| (\d+) \| ([^|]+) \| ([^|]+) \|$", re.M)


def passes(rate: int, burst: int, requests: int) -> str:
    """The end of requests at once, in the page's words."""
    bucket = Bucket(rate, burst)
    passed = sum(bucket.take(0) for _ in range(requests))
    rest = requests - passed
    return f"{passed} pass" + (f", {rest} get 429" if rest else "")


@pytest.mark.parametrize("row", ROW.findall(PAGE), ids=lambda row: str(row[0]))
def test_a_burst_is_as_the_page_says(row: tuple[str, ...]) -> None:
    concurrency, rate, burst, of_200, of_500 = row
    chosen = choose_throttles(int(concurrency.replace(",", "")))
    assert (chosen.rate, chosen.burst) == (int(rate), int(burst))
    assert (of_200, of_500) == tuple(passes(chosen.rate, chosen.burst, n) for n in (200, 500))


def test_the_page_has_a_row_for_each_kind_of_account() -> None:
    rows = ROW.findall(PAGE)
    assert [row[0] for row in rows] == ["10", "50", "1,000", "10,000"]


def test_the_templates_own_throttles_suit_a_new_account() -> None:
    parameters = written()["Parameters"]
    chosen = choose_throttles(10)
    assert parameters["ThrottleRate"]["Default"] == chosen.rate
    assert parameters["ThrottleBurst"]["Default"] == chosen.burst


def test_make_deploy_first_installs_what_builds_encoders() -> None:
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    lock = (ROOT / "requirements" / "run.txt").read_text()
    for requirement in extra["models"]:
        name = re.split(r"[<>=]", requirement)[0]
        assert re.search(rf"^{name}==", lock, re.M), name
    plan = subprocess.run(
        ["make", "--dry-run", "--always-make", "deploy"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert 0 < plan.find("-r requirements/run.txt") < plan.find("-m infra.deploy dev")
