"""`imgvec embed`: which files of folders are sources, standard input, folders that are closed."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.support.server.places import CAT, imgvec
from tests.unit.cli.said import Environment, assert_sentence, lines_of


def names_of(output: str) -> list[str]:
    """The names of the files that were embedded."""
    return [Path(row["source"]).name for row in lines_of(output)]


def test_files_of_folders_are_chosen_by_their_first_bytes(
    environment: Environment, tmp_path: Path, cat: bytes
) -> None:
    for name in ("1.jfif", "2.jif", "3.pjpeg", "4", "5.txt"):
        (tmp_path / name).write_bytes(cat)
    picture = Image.new("RGB", (8, 8), "red")
    for name, format in {
        "6.dib": "BMP",
        "7.apng": "PNG",
        "8": "WEBP",
        "9": "GIF",
        "10": "TIFF",
    }.items():
        picture.save(tmp_path / name, format)
    # Files that only begin like one of them, and those that no decoder of ours reads.
    (tmp_path / "words.bmp").write_bytes(b"BMW is a maker of cars, and has no part in pictures")
    (tmp_path / "sound.jpg").write_bytes(b"RIFF\x24\0\0\0WAVEfmt ")
    (tmp_path / "empty.png").touch()
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    (tmp_path / "page.pdf").write_bytes(b"%PDF-1.7\n")
    done = imgvec("embed", str(tmp_path), environment=environment)
    assert done.returncode == 0, done.stderr
    assert sorted(names_of(done.stdout)) == sorted(
        ["1.jfif", "2.jif", "3.pjpeg", "4", "5.txt", "6.dib", "7.apng", "8", "9", "10"]
    )
    assert done.stderr.splitlines() == [
        "Skipped in folders: HEIC: 1, PDF: 1, not an image: 3. JPEG, PNG, WebP, GIF, TIFF and BMP "
        "are read; to read HEIC: `pip install 'imgvec[heic]'` and IMGVEC_EXTRA_FORMATS=heic",
        "10 embedded, 0 failed, of 10",
    ]
    asked = {**environment, "IMGVEC_EXTRA_FORMATS": "heic"}
    done = imgvec("embed", str(tmp_path), environment=asked)
    assert (
        "Skipped in folders: PDF: 1, not an image: 3. "
        "JPEG, PNG, WebP, GIF, TIFF, BMP and HEIC are read\n"
    ) in done.stderr
    assert f"{tmp_path}/phone.heic: Not a supported image, or a damaged one\n" in done.stderr
    # A name that is given is tried, whatever it holds.
    named = imgvec("embed", str(tmp_path / "phone.heic"), environment=environment)
    assert named.returncode == 1
    assert "This is HEIC, which is not read" in named.stderr


def test_pipes_devices_and_sockets_of_folders_are_not_opened(
    environment: Environment, tmp_path: Path, cat: bytes
) -> None:
    (tmp_path / "a.jpg").write_bytes(cat)
    os.mkfifo(tmp_path / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.open(tmp_path, os.O_RDONLY)
        # The whole path may be longer than the address of a socket.
        server.bind(f"/proc/self/fd/{here}/socket.jpg")
        os.close(here)
        done = imgvec("embed", str(tmp_path), environment=environment)
    assert (done.returncode, names_of(done.stdout)) == (0, ["a.jpg"])
    assert "Skipped in folders: not an image: 2\n" in done.stderr


def test_links_that_lead_out_of_a_folder_are_not_followed(
    environment: Environment, tmp_path: Path, cat: bytes
) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    (inside / "deep").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret.jpg").write_bytes(cat)
    (inside / "deep" / "b.jpg").write_bytes(cat)
    (inside / "a.jpg").symlink_to("deep/b.jpg")
    (inside / "file.jpg").symlink_to(outside / "secret.jpg")
    (inside / "folder").symlink_to(outside)
    (inside / "loop").symlink_to(inside)
    (inside / "nowhere.jpg").symlink_to("no-such.jpg")
    done = imgvec("embed", str(inside), environment=environment)
    assert (done.returncode, names_of(done.stdout)) == (0, ["a.jpg", "b.jpg"])
    assert "Skipped in folders: link that leads out: 2, not an image: 1\n" in done.stderr
    # Given by name, they are what they lead to.
    given = [str(inside / "file.jpg"), str(inside / "folder")]
    done = imgvec("embed", *given, environment=environment)
    assert (done.returncode, names_of(done.stdout)) == (0, ["file.jpg", "secret.jpg"])


def too_deep(folder: Path) -> None:
    """Folders in each other until the path of the last is longer than any call takes."""
    here = Path.cwd()
    try:
        os.chdir(folder)
        for _ in range(17):
            Path("d" * 250).mkdir()
            os.chdir("d" * 250)
    finally:
        os.chdir(here)


def test_a_folder_that_cannot_be_read_is_named_and_the_rest_is_done(
    environment: Environment, tmp_path: Path, cat: bytes
) -> None:
    (tmp_path / "z.jpg").write_bytes(cat)
    too_deep(tmp_path)
    done = imgvec("embed", str(tmp_path), environment=environment)
    assert (done.returncode, names_of(done.stdout)) == (1, ["z.jpg"])
    closed, said = done.stderr.splitlines()
    assert closed.startswith(str(tmp_path))
    assert closed.endswith("d: File name too long")
    assert said == "1 embedded, 0 failed, of 1"


def embed_from(environment: Environment, given: bytes, *more: str) -> tuple[int, str, str]:
    """Status and output of a run that has `-` among its sources."""
    done = subprocess.run(
        [sys.executable, "-m", "imgvec", "embed", "-", *more],
        input=given,
        env=environment,
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_standard_input(environment: Environment, cat: bytes) -> None:
    status, output, _ = embed_from(environment, cat, str(CAT))
    first, second = lines_of(output)
    assert (status, first["source"], second["source"]) == (0, "-", str(CAT))
    assert first["embedding"] == second["embedding"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (b"", "-: Not a supported image, or a damaged one: send JPEG, "),
        (
            b"\xff\xd8\xff" + bytes(2000),
            "-: The image is over the limit of 1,024 bytes (IMGVEC_MAX_IMAGE sets the limit)\n",
        ),
    ],
    ids=["empty", "long"],
)
def test_standard_input_that_is_no_image(environment: Environment, given: bytes, said: str) -> None:
    status, output, told = embed_from({**environment, "IMGVEC_MAX_IMAGE": "1024"}, given)
    assert (status, output) == (1, "")
    assert said in told


def test_standard_input_that_is_closed(environment: Environment) -> None:
    done = subprocess.run(
        ["sh", "-c", f"'{sys.executable}' -m imgvec embed - <&-"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert_sentence(done, 1, "Cannot read standard input: Bad file descriptor")
