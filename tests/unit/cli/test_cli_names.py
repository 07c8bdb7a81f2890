"""Names with line breaks and control characters: one line each, wherever they are shown."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from imgvec.cli.options import escaped, print_table
from tests.support.server.places import imgvec
from tests.unit.cli.said import Environment, lines_of

ODD = "two\nlines\x1b[31m\x9b\\\u202e.jpg"
SHOWN = r"two\x0alines\x1b[31m\xc2\x9b\\\xe2\x80\xae.jpg"


def test_every_name_of_a_run_is_one_line(
    environment: Environment, tmp_path: Path, cat: bytes
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / ODD).write_bytes(cat)
    (photos / f"broken {ODD}").write_bytes(cat[:30])
    target = tmp_path / "out.npy"
    arguments = ["embed", str(photos), f"{tmp_path}/{ODD}", "-o", str(target)]
    (tmp_path / ODD).write_bytes(cat[:30])
    done = imgvec(*arguments, environment=environment)
    assert done.returncode == 1
    assert (tmp_path / "out.npy.names").read_text() == f"{photos}/{SHOWN}\n"
    assert len(np.load(target)) == 1
    problem = "Not a supported image, or a damaged one"
    assert done.stderr.splitlines() == [
        f"{photos}/broken {SHOWN}: {problem}",
        f"{tmp_path}/{SHOWN}: {problem}",
        "1 embedded, 2 failed, of 3",
    ]
    printed = imgvec("embed", str(photos), environment=environment).stdout
    assert lines_of(printed)[0]["source"] == f"{photos}/{ODD}"
    assert printed.strip().isprintable()


def test_a_shell_gives_the_name_back() -> None:
    name = f"{ODD} caf\udce9 \u202f"
    done = subprocess.run(["bash", "-c", f"printf %b '{escaped(name)}'"], capture_output=True)
    assert done.stdout == name.encode(errors="surrogateescape")


@pytest.mark.parametrize("name", ["photos/café.jpg", "10.41.00\u202fAM.png", "写真.jpg"])
def test_usual_names_stay_as_they_are(name: str) -> None:
    assert escaped(name) == name


def test_tables_steer_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["who"], [["root\x1b[2J\nroot"]])
    assert capsys.readouterr().out == "who\nroot\\x1b[2J\\x0aroot\n"
