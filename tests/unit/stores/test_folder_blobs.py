"""Blobs in a real folder: whole or absent."""

import os
import resource
import stat
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from imgvec.assets.ports import BlobStore
from imgvec.errors import StoreError
from imgvec.stores.folder import LEFTOVER_SECONDS, FolderBlobs


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobs:
    return FolderBlobs(tmp_path)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let the system refuse to make a file larger than this, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB; only root can have one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "imgvec-test", folder],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_it_is_a_blob_store(blobs: FolderBlobs) -> None:
    store: BlobStore = blobs
    assert store.read("re_1") is None


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([b"one"], id="one-chunk"),
        pytest.param([b"a", b"", b"bc" * 40_000, b"d"], id="several-and-an-empty-one"),
        pytest.param([], id="nothing"),
    ],
)
def test_what_is_written_is_read(tmp_path: Path, chunks: list[bytes]) -> None:
    whole = b"".join(chunks)
    assert FolderBlobs(tmp_path).write("re_1", chunks) == len(whole)
    assert FolderBlobs(tmp_path).read("re_1") == whole
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize(
    "asset_id", ["../../escape", "/etc/imgvec", "a/b", "..", "nul\x00", "x" * 5000, "", "é"]
)
def test_no_id_takes_part_in_a_path(tmp_path: Path, asset_id: str) -> None:
    folder = tmp_path / "blobs"
    blobs = FolderBlobs(folder)
    blobs.write(asset_id, [b"data"])
    assert blobs.read(asset_id) == b"data"
    (file,) = files(tmp_path)
    shard, name = file.relative_to(folder).parts
    assert (len(shard), len(name), name.startswith(shard)) == (2, 64, True)


def test_only_the_owner_may_look(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir(mode=0o755)
    blobs = FolderBlobs(tmp_path / "blobs")
    blobs.write("re_1", [b"data"])
    modes = {stat.S_IMODE(path.stat().st_mode) for path in files(tmp_path)}
    assert modes == {0o600}
    assert stat.S_IMODE((tmp_path / "blobs").stat().st_mode) == 0o700


def test_deleting(blobs: FolderBlobs, tmp_path: Path) -> None:
    blobs.write("re_1", [b"one"])
    blobs.write("re_2", [b"two"])
    blobs.delete("re_1")
    blobs.delete("re_1")
    blobs.delete("re_never")
    assert blobs.read("re_1") is None
    assert blobs.read("re_2") == b"two"
    assert len(files(tmp_path)) == 1


def test_nothing_can_be_read_until_all_is_there(blobs: FolderBlobs) -> None:
    seen: list[bytes | None] = []

    def data() -> Iterator[bytes]:
        for chunk in (b"half", b"whole"):
            seen.append(blobs.read("re_1"))
            yield chunk
        seen.append(blobs.read("re_1"))

    blobs.write("re_1", data())
    assert seen == [None, None, None]
    assert blobs.read("re_1") == b"halfwhole"


def test_a_source_that_breaks_off_leaves_nothing(blobs: FolderBlobs, tmp_path: Path) -> None:
    def data() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionResetError("the client went away")

    with pytest.raises(ConnectionResetError):
        blobs.write("re_1", data())
    assert files(tmp_path) == []


def test_the_first_whole_blob_of_an_id_stands(blobs: FolderBlobs, tmp_path: Path) -> None:
    def slow() -> Iterable[bytes]:
        yield b"second, "
        blobs.write("re_1", [b"first"])
        yield b"and longer"

    assert blobs.write("re_1", slow()) == len(b"first")
    assert blobs.read("re_1") == b"first"
    assert len(files(tmp_path)) == 1


def test_writers_at_the_same_time_do_not_mix(blobs: FolderBlobs, tmp_path: Path) -> None:
    start = threading.Barrier(8)

    def write(number: int) -> int:
        start.wait()
        return blobs.write("re_1", [bytes([number]) * 1000] * (number + 1))

    with ThreadPoolExecutor(8) as pool:
        sizes = set(pool.map(write, range(8)))
    data = blobs.read("re_1")
    assert data is not None
    assert sizes == {len(data)}
    assert len(set(data)) == 1
    assert len(data) == 1000 * (data[0] + 1)
    assert len(files(tmp_path)) == 1


class TestFullDisk:
    def test_a_file_that_may_grow_no_more(self, blobs: FolderBlobs, tmp_path: Path) -> None:
        with largest_file(10_000), pytest.raises(StoreError, match="cannot be written"):
            blobs.write("re_1", [bytes(4000)] * 3)
        assert blobs.read("re_1") is None
        assert files(tmp_path) == []
        assert blobs.write("re_1", [bytes(4000)] * 3) == 12_000

    def test_a_file_system_that_is_full(self, small_disk: Path) -> None:
        blobs = FolderBlobs(small_disk)
        blobs.write("re_small", [b"small"])
        with pytest.raises(StoreError, match="No space left on device"):
            blobs.write("re_big", [bytes(10_000)] * 10)
        assert blobs.read("re_big") is None
        assert blobs.read("re_small") == b"small"
        assert blobs.write("re_next", [bytes(10_000)]) == 10_000
        assert len(files(small_disk)) == 2


class TestStart:
    def test_old_partial_files_are_removed_and_young_ones_left(self, tmp_path: Path) -> None:
        FolderBlobs(tmp_path).write("re_1", [b"whole"])
        old, young = tmp_path / "partial" / "old", tmp_path / "partial" / "young"
        for path, age in ((old, LEFTOVER_SECONDS + 60), (young, LEFTOVER_SECONDS - 60)):
            path.write_bytes(b"half")
            os.utime(path, (time.time() - age,) * 2)
        for path in files(tmp_path):
            if path.parent.name != "partial":
                os.utime(path, (0, 0))
        blobs = FolderBlobs(tmp_path)
        assert not old.exists()
        assert young.exists()
        assert blobs.read("re_1") == b"whole"

    def test_a_file_in_place_of_the_folder(self, tmp_path: Path) -> None:
        (tmp_path / "blobs").touch()
        with pytest.raises(StoreError, match="cannot be created"):
            FolderBlobs(tmp_path / "blobs")
