"""`imgvec embed --text`: the lines of a file."""

from pathlib import Path

import numpy as np
import pytest

from imgvec import Encoder
from tests.support.server.places import CAT, imgvec
from tests.unit.cli.said import Environment, assert_sentence, lines_of

LINES = "a photo of a cat\n\n  a cup of coffee \r\n\ufeff\u2028na\u00efve \U0001f408"


def test_lines_are_embedded_and_blank_ones_left_out(
    environment: Environment, tmp_path: Path
) -> None:
    (tmp_path / "lines.txt").write_text("\ufeff" + LINES, encoding="utf-8", newline="")
    done = imgvec("embed", "--text", str(tmp_path / "lines.txt"), environment=environment)
    assert (done.returncode, done.stderr) == (0, "3 embedded, 0 failed, of 3\n")
    rows = lines_of(done.stdout)
    texts = ["a photo of a cat", "a cup of coffee", "\ufeff\u2028na\u00efve \U0001f408"]
    assert [row["text"] for row in rows] == texts
    with Encoder() as encoder:
        expected = encoder.texts(texts)
    assert np.array([row["embedding"] for row in rows], np.float32).tobytes() == expected.tobytes()


def test_images_stand_before_texts(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("a cat\n")
    target = tmp_path / "out.npy"
    arguments = ["embed", "--text", str(tmp_path / "lines.txt"), str(CAT), "-o", str(target)]
    assert imgvec(*arguments, environment=environment).returncode == 0
    assert (tmp_path / "out.npy.names").read_text() == f"{CAT}\na cat\n"
    assert np.load(target).shape == (2, 1024)


def test_a_file_without_lines_gives_no_rows(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("\n \n")
    done = imgvec("embed", "--text", str(tmp_path / "lines.txt"), environment=environment)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"good\nbad \xe9\n", "Line 2 of '"),
        (None, "Cannot read '"),
    ],
    ids=["Latin 1", "missing"],
)
def test_a_file_that_is_no_text(
    environment: Environment, tmp_path: Path, data: bytes | None, said: str
) -> None:
    path = tmp_path / "lines.txt"
    if data is not None:
        path.write_bytes(data)
    done = imgvec("embed", "--text", str(path), environment=environment)
    assert_sentence(done, 1, said, str(path))


@pytest.mark.parametrize("arguments", [[], ["-", "--text", "-"]], ids=["nothing", "both"])
def test_what_is_given_must_be_clear(environment: Environment, arguments: list[str]) -> None:
    done = imgvec("embed", *arguments, environment=environment)
    assert done.returncode == 2
    assert "Usage: " in done.stderr
