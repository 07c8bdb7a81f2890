"""The files in `events/` are what the contract tests send."""

import pytest

from tests.support.aws.sample_events import FOLDER, REQUESTS, make, written


@pytest.mark.parametrize("name", list(REQUESTS))
def test_no_drift(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text() == written(make(name)), "run `make events`"


def test_no_file_of_a_request_that_is_gone() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(REQUESTS)
