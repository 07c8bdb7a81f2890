"""The table of fetching, row by row, on a machine that is the whole internet.

The product runs as it is: nothing in it is replaced, and every address, public or private, has a
listener. So what is not seen there was not dialled, and the unguarded client beside it shows that
it could have been.
"""

import json
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Final, TypeAlias

import pytest

from tests.support.http.fetch_table import PROXY, ROWS
from tests.support.http.fetch_trial import OUTCOMES, SILENT, Flood, Trial
from tests.support.http.island_network import NoIsland, run_on_island

Results: TypeAlias = tuple[list[Trial], Flood]
IDS: Final = [ascii(f"{row.reason}: {row.url[:60]}")[1:-1] for row in ROWS]
LURED: Final = [number for number, row in enumerate(ROWS) if row.inside]
SAID: Final[Mapping[str, set[str]]] = {
    **{name: {error.default} for error, name in OUTCOMES.items()},
    "no URL": {"The image URL is not valid", "The image URL has no valid host"},
    "too large": {"The image is over the limit of 100,000 bytes"},
    "image": {""},
}
DEADLINE_MARGIN: Final = 5.0
"""Seconds that a loaded machine may take to notice a deadline."""


@pytest.fixture(scope="module")
def results() -> Results:
    """What came of every row, and of look-ups that hang."""
    try:
        printed = json.loads(run_on_island("tests.support.http.fetch_trial"))
    except NoIsland as missing:
        pytest.skip(f"NOT TESTED, THE TABLE OF FETCHING: {missing}")
    return [Trial(**row) for row in printed["rows"]], Flood(**printed["flood"])


@pytest.mark.parametrize("number", range(len(ROWS)), ids=IDS.__getitem__)
def test_row(number: int, results: Results) -> None:
    row, trial = ROWS[number], results[0][number]
    assert trial.outcome == row.outcome
    assert trial.message in SAID[row.outcome]
    assert len(trial.visits) == len(row.visits), trial.visits
    for visit, expected in zip(trial.visits, row.visits, strict=True):
        assert ip_address(visit) in ip_network(expected)
    assert trial.seconds < row.timeout + DEADLINE_MARGIN


@pytest.mark.parametrize("number", LURED, ids=IDS.__getitem__)
def test_an_unguarded_client_is_led_inside(number: int, results: Results) -> None:
    """The positive control: the listener at the forbidden address is there and sees who comes."""
    led_to = results[0][number].led_to
    assert led_to is not None
    assert ip_address(led_to) == ip_address(ROWS[number].inside)


def test_nobody_came_to_a_forbidden_address(results: Results) -> None:
    trials, _ = results
    for row, trial in zip(ROWS, trials, strict=True):
        assert row.inside not in trial.visits, row.reason
        assert PROXY not in trial.visits, row.reason
    assert sum(len(trial.visits) for trial in trials) > 100, "positive control: visits are seen"


def test_a_stranger_s_name_is_asked_for_once_and_as_it_stands(results: Results) -> None:
    """No search domain, no name that an answer has, no second question before the connection."""
    for row, trial in zip(ROWS, results[0], strict=True):
        if row.allow or row.outcome == "failed" or "truncated" in row.url:
            continue
        assert len(trial.asked) == len(set(trial.asked)), row.reason
        for name in trial.asked:
            assert name in row.url.lower() or name.startswith("xn--"), row.reason


def test_the_table_is_long_and_has_no_row_twice() -> None:
    assert len(ROWS) >= 150
    assert len({(row.url, row.allow) for row in ROWS}) == len(ROWS)
    assert len(LURED) >= 100
    assert sum(row.outcome == "image" for row in ROWS) >= 50


def test_look_ups_that_hang_hold_no_thread_and_nobody_up(results: Results) -> None:
    """300 at once of a name whose server never answers, and a good one behind them."""
    _, flood = results
    assert flood.failed == SILENT
    assert flood.threads == 0
    assert flood.good == len(b"image")
