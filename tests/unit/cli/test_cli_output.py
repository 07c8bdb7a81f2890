"""`imgvec embed --output`, and what becomes of it when a run is cut short."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.server.places import CAT, imgvec
from tests.unit.cli.said import Environment, assert_sentence, lines_of


def test_output_as_lines(environment: Environment, folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    target.write_text("older\n")
    done = imgvec("embed", str(folder), "--output", str(target), environment=environment)
    assert (done.returncode, done.stdout) == (1, "")
    printed = imgvec("embed", str(folder), "--output", "-", environment=environment)
    assert target.read_text() == printed.stdout
    assert [row["source"] for row in lines_of(printed.stdout)] == [
        str(folder / "a" / "c.JPEG"),
        str(folder / "b.jpg"),
    ]


def test_output_as_array(environment: Environment, folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.npy"
    arguments = ["embed", str(folder), "--dimensions", "512", "--output", str(target)]
    assert imgvec(*arguments, environment=environment).returncode == 1
    array = np.load(target)
    assert (array.shape, array.dtype) == ((2, 512), np.dtype(np.float32))
    names = (tmp_path / "out.npy.names").read_text()
    assert names == f"{folder / 'a' / 'c.JPEG'}\n{folder / 'b.jpg'}\n"
    beside = ["out.npy", "out.npy.json", "out.npy.names"]
    assert sorted(path.name for path in tmp_path.glob("out*")) == beside
    (row, _) = lines_of(imgvec(*arguments[:4], environment=environment).stdout)
    described = json.loads((tmp_path / "out.npy.json").read_text())
    assert described.pop("revision").startswith(row["revision"])
    assert described == {"model": row["model"], "dimensions": 512, "rows": 2}
    assert np.array(row["embedding"], np.float32).tobytes() == array[0].tobytes()


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("out.csv", "--output must end in .jsonl or .npy"),
        ("out", "--output must end in .jsonl or .npy"),
        ("", "--output must end in .jsonl or .npy"),
        ("no/such/folder/out.npy", "Cannot write into the folder"),
    ],
)
def test_wrong_output(
    environment: Environment, folder: Path, tmp_path: Path, output: str, said: str
) -> None:
    target = str(tmp_path / output) if output else ""
    done = imgvec("embed", str(CAT), "--output", target, environment=environment)
    assert_sentence(done, 1, said)


@pytest.mark.parametrize("ending", [".jsonl", ".npy"])
def test_output_that_is_a_folder(environment: Environment, tmp_path: Path, ending: str) -> None:
    target = tmp_path / f"out{ending}"
    target.mkdir()
    done = imgvec("embed", str(CAT), "--output", str(target), environment=environment)
    assert_sentence(done, 1, f"Cannot write {target}")
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_aborted_run_leaves_the_older_file(
    environment: Environment, tmp_path: Path, cat: bytes, number: signal.Signals
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "0.jpg").write_bytes(cat[:20])
    (photos / "1.jpg").write_bytes(cat)
    for index in range(2, 3000):
        (photos / f"{index}.jpg").hardlink_to(photos / "1.jpg")
    target = tmp_path / "out.jsonl"
    target.write_text("older\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "imgvec", "embed", str(photos), "--output", str(target)],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        # A test run in the background ignores Ctrl-C, and its children with it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith(f"{photos / '0.jpg'}: ")
        process.send_signal(number)
        rest = process.stderr.read()
    assert process.returncode != 0
    assert "Traceback" not in rest
    assert "embedded" not in rest
    assert target.read_text() == "older\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl", "photos"]


def test_reader_that_goes_away(environment: Environment, folder: Path) -> None:
    command = f"'{sys.executable}' -m imgvec embed '{folder}' '{folder}' | head -c 1"
    done = subprocess.run(
        ["bash", "-c", command], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout == "{"
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


@pytest.mark.parametrize("output", ["-", "out.jsonl", "out.npy"])
def test_file_name_that_is_no_text(
    environment: Environment, tmp_path: Path, cat: bytes, output: str
) -> None:
    photo = os.fsencode(tmp_path) + b"/caf\xe9.jpg"
    Path(os.fsdecode(photo)).write_bytes(cat)
    target = "-" if output == "-" else str(tmp_path / output)
    done = imgvec("embed", str(tmp_path), "--output", target, environment=environment)
    assert done.returncode == 0, done.stderr
    if output == "out.npy":
        assert (tmp_path / "out.npy.names").read_text() == f"{tmp_path}/caf\\xe9.jpg\n"
    else:
        text = done.stdout if output == "-" else (tmp_path / output).read_text()
        assert lines_of(text)[0]["source"] == f"{tmp_path}/caf\ufffd.jpg"


def test_nothing_is_written_through_a_link_or_over_a_stranger_s_file(
    environment: Environment, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "out.npy").symlink_to(victim)
    for name in ("out.npy.partial", "out.txt.partial", "out.npy.names.partial"):
        (tmp_path / name).symlink_to(victim)
    (tmp_path / "out.txt").write_text("notes of my own")
    done = imgvec("embed", str(CAT), "-o", str(tmp_path / "out.npy"), environment=environment)
    assert done.returncode == 0, done.stderr
    assert victim.read_text() == "precious"
    assert (tmp_path / "out.txt").read_text() == "notes of my own"
    assert not (tmp_path / "out.npy").is_symlink()
    assert len(np.load(tmp_path / "out.npy")) == 1


def test_array_of_no_rows_has_its_dimensions(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"broken")
    target = tmp_path / "out.npy"
    arguments = ["embed", str(tmp_path / "broken.jpg"), "--dimensions", "512", "-o", str(target)]
    assert imgvec(*arguments, environment=environment).returncode == 1
    array = np.load(target)
    assert (array.shape, array.dtype) == ((0, 512), np.dtype(np.float32))
    assert (tmp_path / "out.npy.names").read_text() == ""
