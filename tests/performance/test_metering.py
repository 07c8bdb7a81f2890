"""The proofs of `metering.py`, at a size for every day."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("metering.py")


def prove(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


SMALL = ("--processes", "4", "--requests", "200", "--quota", "100")


@pytest.mark.parametrize("store", ["sqlite", "dynamodb"])
def test_processes_get_as_many_answers_as_there_are_units(
    store: str, request: pytest.FixtureRequest
) -> None:
    if store == "dynamodb":
        request.getfixturevalue("dynamodb")
    said = prove("stampede", "--store", store, *SMALL)
    assert "answered 100, refused 100, counted 100, reservations left 0" in said


@pytest.mark.parametrize("store", ["sqlite", "dynamodb"])
def test_processes_that_are_killed_count_what_they_answered(
    store: str, request: pytest.FixtureRequest
) -> None:
    if store == "dynamodb":
        request.getfixturevalue("dynamodb")
    said = prove("kills", "--store", store, *SMALL, "--kills", "10", "--pause", "0.05")
    assert "answered 100, refused 100; counted 100, reservations left 0" in said


def test_servers_over_one_folder_share_the_quota() -> None:
    said = prove("http", "--requests", "60", "--quota", "25", "--kills", "0")
    assert "200 25, 402 35, counted 25, reservations left 0" in said


def test_lists_take_as_many_units_as_they_have_images_or_none() -> None:
    said = prove("http", "--requests", "30", "--inputs", "4", "--quota", "50", "--kills", "0")
    assert "200 12, 402 18, counted 48, reservations left 0" in said
