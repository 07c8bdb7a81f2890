"""`imgvec index`: runs that go on from the last one, and what becomes of one that is killed."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from imgvec import Encoder
from imgvec.search.index import Index, Space, Version
from imgvec.search.ranking import most_similar
from imgvec.search.writer import opened
from tests.support.server.places import CAT, imgvec
from tests.unit.cli.said import Environment, assert_sentence, lines_of


def summary(environment: Environment, *arguments: str, status: int = 0) -> str:
    """The last line of a run."""
    done = imgvec("index", *arguments, environment=environment)
    assert done.returncode == status, done.stderr
    return done.stderr.splitlines()[-1]


def folder_of(environment: Environment) -> Path:
    return Path(environment["IMGVEC_DATA"]) / "index"


def assert_right(environment: Environment, photos: Path, encoder: Encoder) -> int:
    """Each photo of the index has its own vector; gives their number."""
    with Index(folder_of(environment)) as index:
        slots = index.slots()
        paths = {photo.path: slot for slot, photo in index.photos(slots.tolist()).items()}
        stored = index.vectors(slots)[list(paths.values())]
    assert set(paths) <= set(map(str, photos.rglob("*.jpg")))
    expected = encoder.images(paths)
    assert stored.tobytes() == expected.tobytes()
    return len(paths)


def test_a_run_embeds_only_what_is_new_or_changed(
    environment: Environment, photos: Path, encoder: Encoder
) -> None:
    assert summary(environment, str(photos)).startswith("15 embedded, 0 failed")
    first, second, third = sorted(photos.rglob("*.jpg"))[:3]
    first.unlink()
    shutil.copy(CAT, second)
    shutil.copy(CAT, photos / "new.jpg")
    assert summary(environment, str(photos)) == (
        "2 embedded, 0 failed, 1 forgotten, 13 unchanged, 0 damaged as before"
    )
    assert assert_right(environment, photos, encoder) == 15
    # The same size and time: taken to be the same file, whatever is in it.
    status, size = third.stat(), third.stat().st_size
    third.write_bytes(bytes(size))
    os.utime(third, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert "15 unchanged" in summary(environment, str(photos))


def test_slots_of_the_deleted_are_used_again_by_later_runs(
    environment: Environment, photos: Path, encoder: Encoder
) -> None:
    summary(environment, str(photos))
    vectors = folder_of(environment) / "vectors.f32"
    whole = vectors.stat().st_size
    shutil.rmtree(photos / "rocket")
    (photos / "cat.jpg").write_bytes(CAT.read_bytes())
    assert summary(environment, str(photos)).startswith("1 embedded, 0 failed, 5 forgotten")
    assert vectors.stat().st_size == whole * 16 // 15, "a new slot: a reader may be at work"
    for name in "abcde":
        shutil.copy(CAT, photos / f"{name}.jpg")
    assert summary(environment, str(photos)).startswith("5 embedded")
    assert vectors.stat().st_size == whole * 16 // 15
    assert assert_right(environment, photos, encoder) == 16


def test_one_folder_s_run_leaves_the_others_alone(environment: Environment, photos: Path) -> None:
    summary(environment, str(photos))
    shutil.rmtree(photos / "rocket")
    assert summary(environment, str(photos / "coffee")) == (
        "0 embedded, 0 failed, 0 forgotten, 5 unchanged, 0 damaged as before"
    )
    assert "5 forgotten, 10 unchanged" in summary(environment, str(photos))


def test_a_damaged_photo_is_named_and_remembered_until_it_changes(
    environment: Environment, photos: Path
) -> None:
    broken = photos / "broken.jpg"
    broken.write_bytes(CAT.read_bytes()[:500])
    done = imgvec("index", str(photos), environment=environment)
    assert done.returncode == 1
    assert done.stderr == (
        f"{broken}: Not a supported image, or a damaged one\n"
        "15 embedded, 1 failed, 0 forgotten, 0 unchanged, 0 damaged as before\n"
    )
    assert summary(environment, str(photos)) == (
        "0 embedded, 0 failed, 0 forgotten, 15 unchanged, 1 damaged as before"
    )
    shutil.copy(CAT, broken)
    assert summary(environment, str(photos)).startswith("1 embedded, 0 failed")
    broken.write_bytes(CAT.read_bytes()[:500])
    assert summary(environment, str(photos), status=1).startswith("0 embedded, 1 failed")
    found = imgvec("search", str(CAT), "-n", "100", environment=environment)
    assert len(found.stdout.splitlines()) == 15


def test_a_file_that_is_no_image_any_more_is_forgotten(
    environment: Environment, photos: Path
) -> None:
    summary(environment, str(photos))
    (photos / "coffee" / "coffee-0.jpg").write_text("words")
    assert "1 forgotten, 14 unchanged" in summary(environment, str(photos))


def test_a_link_is_no_second_photo(environment: Environment, photos: Path) -> None:
    (photos / "a-link.jpg").symlink_to(photos / "coffee" / "coffee-0.jpg")
    assert summary(environment, str(photos)).startswith("15 embedded")
    assert summary(environment, str(photos), str(photos / "a-link.jpg")).startswith("0 embedded")


def test_an_empty_folder(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert summary(environment, str(tmp_path / "empty")).startswith("0 embedded")
    for command in (["search", "a cat"], ["duplicates"], ["cluster"]):
        done = imgvec(*command, environment=environment)
        assert_sentence(done, 2, "No photo there is in the index: run `imgvec index FOLDER`")


def test_a_folder_that_there_is_not(environment: Environment, tmp_path: Path) -> None:
    done = imgvec("index", str(tmp_path / "none"), environment=environment)
    assert_sentence(done, 1, "There is no file or folder")


def test_a_mistyped_folder_empties_no_index(environment: Environment, photos: Path) -> None:
    summary(environment, str(photos))
    done = imgvec("index", "--rebuild", f"{photos}-mistyped", environment=environment)
    assert_sentence(done, 1, "There is no file or folder")
    assert "15 unchanged" in summary(environment, str(photos))


def test_a_photo_that_is_dropped_meanwhile_is_left_out(
    tmp_path: Path,
) -> None:
    space, one = Space("starter", "0" * 64, 1), np.ones(1, np.float32)
    with opened(tmp_path / "index", space, rebuild=False) as writer:
        for name in "abc":
            writer.put(f"/{name}.jpg", Version(1, 0), one)
    with Index(tmp_path / "index") as index:
        slots = index.slots()
        with opened(tmp_path / "index", space, rebuild=False) as writer:
            writer.drop("/c.jpg")
        assert index.vectors(slots).shape == (3, 1)
        assert [photo.path for photo in index.photos(slots.tolist()).values()] == [
            "/a.jpg",
            "/b.jpg",
        ]
        assert [hit.path for hit in most_similar(index, one, 5)] == ["/a.jpg", "/b.jpg"]


def test_vectors_of_another_revision_are_rejected(
    environment: Environment, photos: Path, encoder: Encoder
) -> None:
    summary(environment, str(photos))
    older = "0123456789ab" + "0" * 52
    with closing(sqlite3.connect(folder_of(environment) / "photos.sqlite")) as database:
        database.execute("UPDATE encoder SET revision = ?", [older])
        database.commit()
    for command in (["index", str(photos)], ["search", "a cat"]):
        done = imgvec(*command, environment=environment)
        assert_sentence(done, 2, "vectors of starter 0123456789ab in 1024", "index --rebuild")
    assert summary(environment, str(photos), "--rebuild").startswith("15 embedded")
    assert assert_right(environment, photos, encoder) == 15


def test_other_dimensions_are_rejected(environment: Environment, photos: Path) -> None:
    summary(environment, str(photos))
    done = imgvec("index", str(photos), "--dimensions=512", environment=environment)
    assert_sentence(done, 2, "in 1024 dimensions", "in 512 dimensions")


def test_a_second_run_at_the_same_time_is_rejected(environment: Environment, photos: Path) -> None:
    with opened(folder_of(environment), Space("starter", "0" * 64, 1024), rebuild=False):
        done = imgvec("index", str(photos), environment=environment)
        assert_sentence(done, 2, "Another `imgvec index` writes", "try again when it has ended")


@pytest.mark.parametrize("name", ["vectors.f32", "photos.sqlite"])
def test_a_damaged_index_is_named(environment: Environment, photos: Path, name: str) -> None:
    summary(environment, str(photos))
    (folder_of(environment) / name).write_bytes(b"damaged")
    done = imgvec("search", "a cat", environment=environment)
    assert_sentence(done, 2, name)


def test_a_killed_run_leaves_a_usable_index(
    environment: Environment, photos: Path, encoder: Encoder
) -> None:
    for number in range(4000):
        (photos / f"more-{number}.jpg").hardlink_to(photos / "coffee" / "coffee-0.jpg")
    process = subprocess.Popen(
        [sys.executable, "-m", "imgvec", "index", str(photos)],
        env=environment,
        stderr=subprocess.PIPE,
    )
    with process:
        vectors = folder_of(environment) / "vectors.f32"
        deadline = time.monotonic() + 60
        while not (vectors.exists() and vectors.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    kept = assert_right(environment, photos, encoder)
    assert 0 <= kept < 4000
    assert imgvec("index", str(photos / "coffee"), environment=environment).returncode == 0
    assert imgvec("search", "coffee", environment=environment).returncode == 0
    for photo in photos.glob("more-*.jpg"):
        photo.unlink()
    rest = summary(environment, str(photos))
    assert rest.endswith("0 damaged as before")
    assert assert_right(environment, photos, encoder) == 15


def test_names_that_are_no_text(environment: Environment, photos: Path) -> None:
    odd = os.fsencode(photos) + b"/line\nbreak \xe9 <b>.jpg"
    Path(os.fsdecode(odd)).write_bytes(CAT.read_bytes())
    assert imgvec("index", str(photos), environment=environment).returncode == 0
    (line,) = imgvec("search", str(CAT), "-n", "1", environment=environment).stdout.splitlines()
    assert line == f"1.000  {photos}/line\\x0abreak \\xe9 <b>.jpg"
    found = imgvec("search", str(CAT), "-n", "1", "--json", environment=environment)
    assert lines_of(found.stdout) == [
        {"path": f"{photos}/line\nbreak \ufffd <b>.jpg", "score": 1.0}
    ]
    again = imgvec("index", str(photos), environment=environment)
    assert "16 unchanged" in again.stderr


def test_no_photo_is_touched(environment: Environment, photos: Path, tmp_path: Path) -> None:
    before = {path: (path.stat(), path.read_bytes()) for path in photos.rglob("*.jpg")}
    page = ["--html", str(tmp_path / "page.html")]
    summary(environment, str(photos))
    for command in (["search", "a cat"], ["duplicates"]):
        assert imgvec(*command, *page, environment=environment).returncode == 0
    summary(environment, str(photos), "--rebuild")
    after = {path: (path.stat(), path.read_bytes()) for path in photos.rglob("*.jpg")}
    assert before.keys() == after.keys()
    for path, (status, content) in before.items():
        assert (after[path][0].st_mtime_ns, after[path][1]) == (status.st_mtime_ns, content)
