"""The sentences of `make` where Python or the environment is not as it must be."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server.places import ROOT


def made(folder: Path, *arguments: str) -> tuple[int, str]:
    """The exit status and the output of `make` in a folder that has the Makefile."""
    shutil.copy(ROOT / "Makefile", folder)
    done = subprocess.run(
        ["make", "--no-print-directory", "-C", str(folder), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("python", "sentence"),
    [
        (
            "python3.99",
            "There is no python3.99 here: install it, or name another Python in",
        ),
        ("false", "false is no Python 3.11 or newer: name another one in PYTHON=..."),
        ("", "imgvec needs Python 3.11 or newer, as python3 or in PYTHON=..."),
    ],
)
def test_an_interpreter_that_does_not_do(tmp_path: Path, python: str, sentence: str) -> None:
    status, output = made(tmp_path, ".venv/bin/python", f"PYTHON={python}")
    assert status == 2
    assert sentence in output
    assert "venv is missing" not in output


def test_an_environment_that_was_moved(tmp_path: Path) -> None:
    scripts = tmp_path / ".venv" / "bin"
    scripts.mkdir(parents=True)
    (scripts / "python").symlink_to(sys.executable)
    (scripts / "pip").write_text("#!/no/such/clone/.venv/bin/python\n")
    (scripts / "pip").chmod(0o755)
    (tmp_path / "requirements").mkdir()
    for done in ("requirements/run.txt", "pyproject.toml", ".venv/run"):
        (tmp_path / done).touch()
    status, output = made(tmp_path, ".venv/run")
    assert status == 2
    assert ".venv does not work (was the clone moved?): `rm -rf .venv`, then run it again" in output
    (scripts / "pip").write_text("#!/bin/sh\n")
    assert made(tmp_path, ".venv/run")[0] == 0


def test_an_environment_whose_interpreter_is_gone_is_made_anew(tmp_path: Path) -> None:
    scripts = tmp_path / ".venv" / "bin"
    scripts.mkdir(parents=True)
    (scripts / "python").symlink_to("/no/such/python")
    status, output = made(tmp_path, ".venv/bin/python", f"PYTHON={sys.executable}")
    assert (status, output) == (0, "")
    assert (scripts / "python").exists()
