"""`imgvec embed --output FOLDER/`: each image of the plan is in one part, whatever happens."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from imgvec import Encoder
from imgvec.bulk.parts import FORMATS
from tests.support.server.places import imgvec
from tests.unit.bulk.conftest import DIMENSIONS, Workplace

BROKEN = b"\x89PNG\r\n\x1a\n"


def test_each_image_is_once_in_the_parts(workplace: Workplace) -> None:
    done = workplace.embed(workplace.photos, "--shard", "5")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in workplace.out.glob("part-*")) == [
        "part-00000.parquet",
        "part-00001.parquet",
        "part-00002.parquet",
    ]
    assert (workplace.out / "_SUCCESS").is_file()
    paths = sorted(map(str, Path(workplace.photos).iterdir()))
    with Encoder(dimensions=DIMENSIONS) as encoder:
        expected = dict(zip(paths, encoder.images(paths), strict=True))
    rows = workplace.rows()
    assert list(rows) == paths
    assert all(np.array_equal(rows[path], expected[path]) for path in paths)


def test_a_second_run_does_nothing(workplace: Workplace) -> None:
    workplace.embed(workplace.photos, "--shard", "5")
    before = {path: path.stat().st_mtime_ns for path in workplace.out.glob("part-*")}
    again = workplace.embed(workplace.photos, "--shard", "5")
    assert again.returncode == 0
    assert "0 embedded of 0" in again.stderr
    assert {path: path.stat().st_mtime_ns for path in workplace.out.glob("part-*")} == before


def test_a_missing_part_is_written_again_and_the_plan_is_frozen(workplace: Workplace) -> None:
    workplace.embed(workplace.photos, "--shard", "5")
    rows = workplace.rows()
    (workplace.out / "part-00001.parquet").unlink()
    shutil.copy(next(Path(workplace.photos).iterdir()), Path(workplace.photos, "aaa.jpg"))
    resumed = workplace.embed()
    assert resumed.returncode == 0, resumed.stderr
    assert "5 embedded of 5" in resumed.stderr
    assert workplace.rows().keys() == rows.keys()


def test_bad_images_stop_nothing_and_are_tried_once_more(workplace: Workplace) -> None:
    Path(workplace.photos, "a.png").write_bytes(BROKEN)
    Path(workplace.photos, "z.png").write_bytes(BROKEN)
    done = workplace.embed(workplace.photos, "--shard", "10")
    assert done.returncode == 1
    assert "--retry-errors" in done.stderr
    assert len(workplace.rows()) == 12
    assert [one["image_path"] for one in workplace.failures(0)] == [f"{workplace.photos}/a.png"]
    assert [one["image_path"] for one in workplace.failures(1)] == [f"{workplace.photos}/z.png"]
    assert workplace.failures(0)[0]["error"]

    shutil.copy(next(Path(workplace.photos).glob("*.jpg")), Path(workplace.photos, "a.png"))
    retried = workplace.embed("--retry-errors")
    assert retried.returncode == 1
    assert len(workplace.rows()) == 13
    assert [one["image_path"] for one in workplace.failures(2)] == [f"{workplace.photos}/z.png"]

    shutil.copy(next(Path(workplace.photos).glob("*.jpg")), Path(workplace.photos, "z.png"))
    assert workplace.embed("--retry-errors").returncode == 0
    assert len(workplace.rows()) == 14
    assert workplace.embed("--retry-errors").returncode == 0
    assert len(workplace.rows()) == 14


def test_a_killed_run_goes_on(workplace: Workplace) -> None:
    command = [sys.executable, "-m", "imgvec", "embed", workplace.photos, "-o", f"{workplace.out}/"]
    options = ["--shard", "2", "--dimensions", str(DIMENSIONS)]
    with subprocess.Popen([*command, *options], env=workplace.environment) as running:
        while not (workplace.out / "part-00000.parquet").is_file():
            assert running.poll() is None
            time.sleep(0.001)
        running.send_signal(signal.SIGKILL)
    assert not (workplace.out / "_SUCCESS").is_file()
    done = workplace.embed(workplace.photos, "--shard", "2")
    assert done.returncode == 0, done.stderr
    assert len(workplace.rows()) == 12
    assert not list(workplace.out.glob("*.partial"))


@pytest.mark.parametrize("form", FORMATS)
def test_a_run_that_was_killed_while_it_planned(workplace: Workplace, form: str) -> None:
    arguments = (workplace.photos, "--format", form)
    workplace.embed(*arguments)
    whole = sorted(path.relative_to(workplace.out) for path in workplace.out.rglob("*"))
    for path in sorted(workplace.out.rglob("*"), reverse=True):
        if not path.name.startswith("_lock"):
            path.rmdir() if path.is_dir() else path.unlink()
    (workplace.out / "_plan-0.jsonl.12.partial").write_text('{"id": "0", "pa')
    done = workplace.embed(*arguments)
    assert done.returncode == 0, done.stderr
    assert sorted(path.relative_to(workplace.out) for path in workplace.out.rglob("*")) == whole


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        (("--format", "npy"), "--format is npy, and was parquet"),
        (("--shard", "7"), "--shard is 7, and was 5"),
        (("another-source",), "SOURCES is"),
    ],
)
def test_other_terms_are_rejected(
    workplace: Workplace, change: tuple[str, ...], shown: str
) -> None:
    workplace.embed(workplace.photos, "--shard", "5")
    done = workplace.embed(workplace.photos, *change)
    assert done.returncode == 2
    assert shown in done.stderr
    assert len(workplace.rows()) == 12


def test_another_encoder_is_rejected(workplace: Workplace) -> None:
    workplace.embed(workplace.photos)
    job = workplace.out / "_job.json"
    job.write_text(job.read_text().replace('"revision": "', '"revision": "0'))
    done = workplace.embed(workplace.photos)
    assert done.returncode == 2
    assert "and was 05e67396206b" in done.stderr


def test_a_changed_plan_is_rejected(workplace: Workplace) -> None:
    workplace.embed(workplace.photos)
    with (workplace.out / "_plan-0.jsonl").open("a") as plan:
        plan.write('{"id": "13", "path": "photos/x.jpg"}\n')
    assert "_plan-0.jsonl has changed" in workplace.embed(workplace.photos).stderr


def test_a_folder_with_other_files_is_rejected(workplace: Workplace) -> None:
    workplace.out.mkdir()
    (workplace.out / "letter.txt").write_text("Dear")
    done = workplace.embed(workplace.photos)
    assert done.returncode == 2
    assert "holds other files and no job" in done.stderr
    assert [path.name for path in workplace.out.iterdir()] == ["letter.txt"]


def test_two_runs_at_once(workplace: Workplace) -> None:
    workplace.embed(workplace.photos)
    with sqlite3.connect(workplace.out / "_lock.sqlite", isolation_level=None) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        done = workplace.embed(workplace.photos)
        lock.execute("ROLLBACK")
    assert done.returncode == 2
    assert "Another run writes" in done.stderr


def test_a_folder_that_cannot_be_written(workplace: Workplace) -> None:
    # A folder in the place of the lock, because root may write into any.
    (workplace.out / "_lock.sqlite").mkdir(parents=True)
    done = workplace.embed(workplace.photos)
    assert done.returncode == 2
    assert "cannot be written: check the owner and mode" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("form", FORMATS)
def test_a_full_disk_loses_nothing(workplace: Workplace, form: str) -> None:
    arguments = (workplace.photos, "--shard", "4", "--format", form)
    # 4 vectors of 512 numbers are 8 kB: nothing larger can be written.
    limited = subprocess.run(
        [
            *("prlimit", "--fsize=6000", sys.executable, "-m", "imgvec", "embed", *arguments),
            *("--dimensions", str(DIMENSIONS), "-o", f"{workplace.out}/"),
        ],
        env=workplace.unmeasured,
        capture_output=True,
        text=True,
        check=False,
    )
    assert limited.returncode == 1, limited.stderr
    assert "Cannot write" in limited.stderr
    assert "goes on from here" in limited.stderr
    assert "Traceback" not in limited.stderr
    assert not list(workplace.out.glob("**/*.partial"))
    done = workplace.embed(*arguments)
    assert done.returncode == 0, done.stderr
    assert "12 embedded of 12" in done.stderr


def test_a_source_that_vanishes(workplace: Workplace) -> None:
    workplace.embed(workplace.photos, "--shard", "5")
    (workplace.out / "part-00002.parquet").unlink()
    Path(workplace.photos).rename(workplace.folder / "elsewhere")
    done = workplace.embed()
    assert done.returncode == 1
    assert {one["error"] for one in workplace.failures(2)} == {"No such file or directory"}
    Path(workplace.folder, "elsewhere").rename(workplace.photos)
    assert workplace.embed("--retry-errors").returncode == 0
    assert len(workplace.rows()) == 12


def test_relative_paths_begin_where_the_job_began(workplace: Workplace) -> None:
    command = [sys.executable, "-m", "imgvec", "embed", "-o", f"{workplace.out}/", "--dimensions"]
    begin = [*command, str(DIMENSIONS), "photos", "--shard", "5"]
    subprocess.run(begin, env=workplace.unmeasured, cwd=workplace.folder, check=True)
    (workplace.out / "part-00000.parquet").unlink()
    assert workplace.embed().returncode == 0
    names = {path.name for path in Path(workplace.photos).iterdir()}
    assert workplace.rows().keys() == {f"photos/{name}" for name in names}


def test_names_that_are_odd(workplace: Workplace) -> None:
    photo = next(Path(workplace.photos).iterdir()).read_bytes()
    Path(workplace.photos, "line\nbreak.jpg").write_bytes(photo)
    Path(workplace.photos, os.fsdecode(b"no-\xff-unicode.jpg")).write_bytes(photo)
    done = workplace.embed(workplace.photos)
    assert done.returncode == 0, done.stderr
    assert {
        f"{workplace.photos}/{name}" for name in ("line\nbreak.jpg", "no-�-unicode.jpg")
    } < workplace.rows().keys()


@pytest.mark.parametrize("arguments", [(), ("-",), ("no-such-folder",)])
def test_no_images(workplace: Workplace, arguments: tuple[str, ...]) -> None:
    done = workplace.embed(*arguments)
    assert done.returncode in (1, 2)
    assert done.stderr.count("\n") == 1
    assert not (workplace.out / "_job.json").exists()


def test_options_of_a_folder_need_one(workplace: Workplace) -> None:
    for option in (("--format", "npy"), ("--shard", "5"), ("--retry-errors",)):
        done = imgvec(
            "embed", workplace.photos, *option, "-o", "x.npy", environment=workplace.environment
        )
        assert done.returncode == 2
        assert "need an --output FOLDER/" in done.stderr
