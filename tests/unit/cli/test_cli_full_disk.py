"""Output without room, or without a reader, is a sentence and no traceback."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server.places import CAT, create_key, imgvec
from tests.unit.cli.said import Environment, assert_sentence

PRINTING = [
    ["--help"],
    ["--version"],
    ["embed", str(CAT)],
    ["keys", "list"],
    ["keys", "list", "--json"],
    ["keys", "create", "b"],
    ["plans", "list"],
    ["usage"],
    ["usage", "--json"],
    ["usage", "--csv"],
    ["actions"],
    ["cost"],
    ["models", "list"],
]


@pytest.fixture
def known(environment: Environment) -> Environment:
    """Stores in which each command finds something to print."""
    create_key("a", environment)
    imgvec("plans", "create", "small", "--rate", "1", environment=environment)
    return environment


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_no_room_behind_the_redirection(known: Environment, arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "imgvec", *arguments],
            env=known,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "imgvec: Cannot write the output: No space left on device\n"


@pytest.mark.parametrize("arguments", [["usage", "--csv"], ["keys", "list"]], ids=" ".join)
def test_a_reader_that_is_gone(known: Environment, arguments: list[str]) -> None:
    words = " ".join(arguments)
    done = subprocess.run(
        ["bash", "-c", f"('{sys.executable}' -m imgvec {words}; echo $? >&2) | true"],
        env=known,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr in ("1\n", "0\n")


@pytest.mark.parametrize("ending", [".jsonl", ".npy"])
def test_no_room_for_a_file(environment: Environment, tmp_path: Path, ending: str) -> None:
    target = tmp_path / f"out{ending}"
    target.write_text("older\n")
    # Coverage's own file in that process would pass the limit too.
    unmeasured = {name: value for name, value in environment.items() if "COVERAGE" not in name}
    done = subprocess.run(
        [sys.executable, "-m", "imgvec", "embed", str(CAT), "-o", str(target)],
        env=unmeasured,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)),
    )
    assert_sentence(done, 1, f"Cannot write {target}: ")
    assert target.read_text() == "older\n"
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
