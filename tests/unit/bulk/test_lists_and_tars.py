"""Lists, patterns and tars as sources of a job."""

import csv
import io
import json
import tarfile
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from tests.unit.bulk.conftest import Workplace


def _photos(workplace: Workplace) -> list[str]:
    return sorted(map(str, Path(workplace.photos).iterdir()))


def _text(path: Path, photos: list[str]) -> None:
    path.write_text("\n".join(photos) + "\n\n")


def _csv(path: Path, photos: list[str]) -> None:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "path", "note"])
        rows.writerows([f"n{place}", photo, "a, b"] for place, photo in enumerate(photos))


def _json_lines(path: Path, photos: list[str]) -> None:
    rows = [{"id": f"n{place}", "path": photo} for place, photo in enumerate(photos)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _parquet(path: Path, photos: list[str]) -> None:
    ids = [f"n{place}" for place in range(len(photos))]
    parquet.write_table(pyarrow.table({"id": ids, "url": photos}), path)


LISTS = {"txt": _text, "csv": _csv, "jsonl": _json_lines, "parquet": _parquet}


@pytest.mark.parametrize("kind", LISTS)
def test_lists(workplace: Workplace, kind: str) -> None:
    photos = _photos(workplace)
    listed = workplace.folder / f"list.{kind}"
    LISTS[kind](listed, photos)
    done = workplace.embed(str(listed))
    assert done.returncode == 0, done.stderr
    table = parquet.read_table(workplace.out)
    assert table["image_path"].to_pylist() == photos
    names = "{}" if kind == "txt" else "n{}"
    assert table["id"].to_pylist() == [names.format(place) for place in range(len(photos))]


def test_a_tar(workplace: Workplace) -> None:
    shard = workplace.folder / "shard.tar"
    with tarfile.open(shard, "w") as tar:
        for photo in _photos(workplace):
            tar.add(photo, arcname=f"{Path(photo).stem}.jpg")
            text = json.dumps({"caption": "a photo"}).encode()
            member = tarfile.TarInfo(f"{Path(photo).stem}.json")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    done = workplace.embed(str(shard))
    assert done.returncode == 0, done.stderr
    table = parquet.read_table(workplace.out)
    assert table["id"].to_pylist() == [Path(photo).stem for photo in _photos(workplace)]
    members = workplace.rows()
    workplace.out.rename(workplace.folder / "by-tar")
    assert workplace.embed(workplace.photos).returncode == 0
    for path, vector in workplace.rows().items():
        assert (members[f"{shard}/{Path(path).name}"] == vector).all()


def test_a_pattern(workplace: Workplace) -> None:
    wanted = [photo for photo in _photos(workplace) if photo.endswith("0.jpg")]
    done = workplace.embed(f"{workplace.photos}/*0.jpg")
    assert done.returncode == 0, done.stderr
    assert list(workplace.rows()) == wanted


@pytest.mark.parametrize(
    ("name", "content", "shown"),
    [
        ("a.jsonl", b'{"path": "x"}\nno\n', "line 2: it is not JSON"),
        ("a.jsonl", b"[1]\n", "line 1: it is not a JSON object"),
        ("a.jsonl", b'{"image": "x"}\n', "row 1: it has no text in `url` or `path`"),
        ("a.csv", b"name\nx\n", "row 1: it has no text in `url` or `path`"),
        ("a.txt", b"\xff\xfe", "it is not UTF-8"),
        ("a.parquet", b"PAR1", "it is no Parquet file"),
        ("a.tar", b"no tar", "it is no tar, or it is compressed"),
    ],
)
def test_a_bad_list_begins_no_job(
    workplace: Workplace, name: str, content: bytes, shown: str
) -> None:
    listed = workplace.folder / name
    listed.write_bytes(content)
    done = workplace.embed(str(listed))
    assert done.returncode == 2
    assert shown in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (workplace.out / "_job.json").exists()
