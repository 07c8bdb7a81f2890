"""The process is killed in the middle; what lies on the disk is judged by the next one."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from imgvec.assets.ports import UNFINISHED_SECONDS
from imgvec.assets.service import Assets
from imgvec.errors import AssetNotFound
from imgvec.stores.folder import LEFTOVER_SECONDS, FolderBlobs
from imgvec.stores.sqlite import SqliteStore

NOW = 1_000_000.0
DATA = b"image bytes"

# argv: folder, what to do, the token, and what to die at instead of doing it.
CHILD = """
import os, signal, sys
from pathlib import Path
from imgvec.assets.service import Assets
from imgvec.stores.folder import FolderBlobs
from imgvec.assets.lifecycle import Lifecycle
from imgvec.stores.sqlite import SqliteStore

folder, action, token, fatal = sys.argv[1:]

def die(*args, **more):
    os.kill(os.getpid(), signal.SIGKILL)

def from_pipe():
    while chunk := sys.stdin.buffer.readline():
        yield chunk.removesuffix(b"\\n")
        print("taken", flush=True)

points = {
    "before-bytes": (FolderBlobs, "write"),
    "before-link": (Path, "hardlink_to"),
    "before-success": (Lifecycle, "_settle"),
    "before-blob-delete": (FolderBlobs, "delete"),
    "before-metadata-delete": (SqliteStore, "delete_asset"),
}
if fatal in points:
    setattr(*points[fatal], die)
assets = Assets(
    SqliteStore(Path(folder)),
    FolderBlobs(Path(folder) / "assets"),
    max_bytes=1000,
    clock=lambda: 1_000_000.0,
)
if action == "upload":
    assets.upload("acme", "a.png", b"image bytes", "re_1")
elif action == "receive":
    assets.receive("re_1", token, from_pipe())
else:
    assets.delete("acme", "re_1")
"""


def start(folder: Path, action: str, token: str, fatal: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), action, token, fatal],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def run_until_killed(folder: Path, action: str, token: str, fatal: str) -> None:
    child = start(folder, action, token, fatal)
    child.communicate(DATA + b"\n", timeout=60)
    assert child.returncode == -signal.SIGKILL


def files(folder: Path) -> list[Path]:
    return [path for path in (folder / "assets").rglob("*") if path.is_file()]


def assets_at(store: SqliteStore, folder: Path, now: float = NOW) -> Assets:
    return Assets(store, FolderBlobs(folder / "assets"), max_bytes=1000, clock=lambda: now)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(tmp_path)) as store:
        yield store


def test_killed_while_the_bytes_arrive(store: SqliteStore, tmp_path: Path) -> None:
    assets = assets_at(store, tmp_path)
    _, token = assets.reserve("acme", "a.png", "re_1")
    child = start(tmp_path, "receive", token, "nowhere")
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(b"half of\n")
    child.stdin.flush()
    assert child.stdout.readline() == b"taken\n"
    assert assets.find("acme", "re_1").status == "UPLOADING"
    child.kill()
    child.communicate(timeout=60)

    assert assets.find("acme", "re_1").status == "UPLOADING"
    with pytest.raises(AssetNotFound):
        assets.read("acme", "re_1")
    (partial,) = files(tmp_path)
    assert partial.read_bytes() == b"half of"

    assert assets.receive("re_1", token, [DATA]).status == "SUCCESS"
    assert assets.read("acme", "re_1") == DATA
    long_ago = partial.stat().st_mtime - LEFTOVER_SECONDS - 60
    os.utime(partial, (long_ago, long_ago))
    assert assets_at(store, tmp_path).read("acme", "re_1") == DATA
    assert not partial.exists()


@pytest.mark.parametrize("fatal", ["before-bytes", "before-link", "before-success"])
def test_killed_while_receiving_the_upload_can_be_repeated(
    store: SqliteStore, tmp_path: Path, fatal: str
) -> None:
    assets = assets_at(store, tmp_path)
    _, token = assets.reserve("acme", "a.png", "re_1")
    run_until_killed(tmp_path, "receive", token, fatal)
    with pytest.raises(AssetNotFound):
        assets.read("acme", "re_1")
    done = assets.receive("re_1", token, [DATA])
    assert (done.status, done.size) == ("SUCCESS", len(DATA))
    assert assets.read("acme", "re_1") == DATA


@pytest.mark.parametrize(
    ("action", "fatal"),
    [
        ("upload", "before-bytes"),
        ("upload", "before-link"),
        ("upload", "before-success"),
        ("delete", "before-blob-delete"),
        ("delete", "before-metadata-delete"),
    ],
)
def test_killed_anywhere_nothing_can_be_read_and_nothing_stays_behind(
    store: SqliteStore, tmp_path: Path, action: str, fatal: str
) -> None:
    assets = assets_at(store, tmp_path)
    if action == "delete":
        assets.upload("acme", "a.png", DATA, "re_1")
    run_until_killed(tmp_path, action, "", fatal)
    assert assets.find("acme", "re_1").status != "SUCCESS"
    with pytest.raises(AssetNotFound):
        assets.read("acme", "re_1")

    assets_at(store, tmp_path, NOW + UNFINISHED_SECONDS + 1).tidy()
    assert store.get_asset("re_1") is None
    assert [path for path in files(tmp_path) if path.parent.name != "partial"] == []


@pytest.mark.parametrize("fatal", ["before-blob-delete", "before-metadata-delete"])
def test_a_deletion_that_was_killed_can_be_repeated(
    store: SqliteStore, tmp_path: Path, fatal: str
) -> None:
    assets = assets_at(store, tmp_path)
    assets.upload("acme", "a.png", DATA, "re_1")
    run_until_killed(tmp_path, "delete", "", fatal)
    assets.delete("acme", "re_1")
    assert store.get_asset("re_1") is None
    assert files(tmp_path) == []
