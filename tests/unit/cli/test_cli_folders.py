"""`imgvec embed` on folders and names as they are found, and on outputs that cannot be written."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.server.places import CAT, imgvec
from tests.unit.cli.said import Environment, assert_sentence, lines_of


def sources(environment: Environment, *given: str) -> tuple[int, list[str], list[str]]:
    """Exit status, sources with a vector, lines on standard error."""
    done = imgvec("embed", *given, environment=environment)
    return done.returncode, [row["source"] for row in lines_of(done.stdout)], _lines(done.stderr)


def _lines(text: str) -> list[str]:
    return text.splitlines()


def test_a_file_in_a_folder_counts_by_its_first_bytes(
    environment: Environment, tmp_path: Path, cat: bytes
) -> None:
    names = ["a.jfif", "b.pjpeg", "c", "d.dib.bak", "e.txt"]
    for name in names:
        (tmp_path / "photos").mkdir(exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(cat)
    for name, data in {
        "list.jpg": b"BMW, Audi, Fiat",
        "song.webp": b"RIFF\0\0\0\0WAVEfmt ",
        "empty.png": b"",
        "phone.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    }.items():
        (tmp_path / "photos" / name).write_bytes(data)
    os.mkfifo(tmp_path / "photos" / "pipe.jpg")
    status, found, said = sources(environment, str(tmp_path / "photos"))
    assert status == 0
    assert found == [str(tmp_path / "photos" / name) for name in names]
    assert said[0] == "5 files in folders are not images that are read"


def test_a_link_that_leads_out_of_the_folder_is_left_alone(
    environment: Environment, tmp_path: Path, cat: bytes
) -> None:
    inside, outside = tmp_path / "photos", tmp_path / "private"
    for path in (inside / "a.jpg", outside / "b.jpg"):
        path.parent.mkdir()
        path.write_bytes(cat)
    (inside / "link.jpg").symlink_to(outside / "b.jpg")
    (inside / "folder").symlink_to(outside)
    (inside / "same.jpg").symlink_to("a.jpg")
    status, found, said = sources(environment, str(inside))
    assert status == 0
    assert found == [str(inside / "a.jpg"), str(inside / "same.jpg")]
    assert said[0] == "2 files in folders are not images that are read"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user who may not read")
def test_what_may_not_be_read_is_named_and_the_rest_is_done(
    environment: Environment, tmp_path: Path, cat: bytes
) -> None:
    photos = tmp_path / "photos"
    (photos / "closed").mkdir(parents=True)
    (photos / "a.jpg").write_bytes(cat)
    (photos / "closed" / "b.jpg").write_bytes(cat)
    (photos / "secret.jpg").write_bytes(cat)
    (photos / "closed").chmod(0)
    (photos / "secret.jpg").chmod(0)
    found = _found_as_nobody(photos)
    assert found == [
        f"sources ['{photos}/a.jpg']",
        f"problems [('{photos}/closed', 'Permission denied'), "
        f"('{photos}/secret.jpg', 'Permission denied')]",
    ]


def _found_as_nobody(folder: Path) -> list[str]:
    script = (
        "import os, sys\n"
        "from imgvec.cli.embed import find_sources\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "found = find_sources((sys.argv[1],))\n"
        "print('sources', found.sources); print('problems', found.problems)\n"
    )
    for parent in (folder, *folder.parents):
        # Folders of pytest are its user's alone.
        parent.chmod(parent.stat().st_mode | 0o055)
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_a_folder_that_vanishes_is_named_and_ends_with_1(
    environment: Environment, tmp_path: Path
) -> None:
    """A link to itself is a name that cannot be read, for root too."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(CAT.read_bytes())
    loop = tmp_path / "photos" / "loop.jpg"
    loop.symlink_to(loop)
    status, found, said = sources(environment, str(tmp_path / "photos"))
    assert (status, found) == (1, [str(tmp_path / "photos" / "a.jpg")])
    assert said[0] == f"{loop}: Too many levels of symbolic links"


def test_names_are_one_line_wherever_they_are_listed(
    environment: Environment, tmp_path: Path, cat: bytes
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a\nb.jpg").write_bytes(cat)
    (photos / "c\x1b[31m.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    target = tmp_path / "out.npy"
    done = imgvec("embed", str(photos), "-o", str(target), environment=environment)
    assert (tmp_path / "out.txt").read_text() == f"{photos}/a\\nb.jpg\n"
    assert done.stderr.splitlines()[0].startswith(f"{photos}/c\\x1b[31m.png: ")
    (row,) = lines_of(imgvec("embed", str(photos), environment=environment).stdout)
    assert row["source"] == f"{photos}/a\nb.jpg"


def test_a_planted_link_is_not_written_through(environment: Environment, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "out.npy.partial").symlink_to(victim)
    (tmp_path / "out.npy").symlink_to(victim)
    done = imgvec("embed", str(CAT), "-o", str(tmp_path / "out.npy"), environment=environment)
    assert done.returncode == 0, done.stderr
    assert victim.read_text() == "mine"
    assert np.load(tmp_path / "out.npy").shape == (1, 1024)


def test_a_list_of_names_of_somebody_else_is_kept(environment: Environment, tmp_path: Path) -> None:
    target, names = tmp_path / "out.npy", tmp_path / "out.txt"
    names.write_text("shopping\nlist\n")
    done = imgvec("embed", str(CAT), "-o", str(target), environment=environment)
    assert_sentence(done, 1, "out.txt", "move it away")
    assert names.read_text() == "shopping\nlist\n"
    names.unlink()
    for _ in range(2):
        done = imgvec("embed", str(CAT), "-o", str(target), environment=environment)
        assert done.returncode == 0, done.stderr


def test_an_array_of_no_row_has_the_dimensions(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    target = tmp_path / "out.npy"
    arguments = ["embed", str(tmp_path / "broken.png"), "--dimensions", "512", "-o", str(target)]
    assert imgvec(*arguments, environment=environment).returncode == 1
    assert np.load(target).shape == (0, 512)


def test_an_image_on_standard_input(environment: Environment) -> None:
    with CAT.open("rb") as image:
        done = subprocess.run(
            [sys.executable, "-m", "imgvec", "embed", "-"],
            stdin=image,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    (row,) = lines_of(done.stdout)
    (named,) = lines_of(imgvec("embed", str(CAT), environment=environment).stdout)
    assert row == {**named, "source": "-"}


@pytest.mark.parametrize("command", [["embed", str(CAT)], ["keys", "list"], ["plans", "list"]])
def test_a_full_disk_is_a_sentence(environment: Environment, command: list[str]) -> None:
    imgvec("keys", "create", "a", environment=environment)
    imgvec("plans", "create", "small", environment=environment)
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "imgvec", *command],
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "imgvec: Cannot write the output: No space left on device"
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("port", ["99999", "-1"])
def test_a_port_out_of_range_is_a_sentence(environment: Environment, port: str) -> None:
    done = imgvec("serve", "--port", port, environment=environment)
    assert done.returncode == 2
    assert f"{port} is not in the range 0<=x<=65535" in done.stderr


def test_the_home_folder_is_expanded(environment: Environment, tmp_path: Path) -> None:
    changed = {**environment, "HOME": str(tmp_path), "IMGVEC_DATA": "~/kept"}
    assert imgvec("keys", "create", "a", environment=changed).returncode == 0
    assert (tmp_path / "kept" / "imgvec.sqlite3").exists()
