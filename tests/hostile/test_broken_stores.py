"""A store breaks: what the caller sees, that nothing is lost, how the service comes back."""

import os
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient

from imgvec.app import create_app
from imgvec.settings import load_settings
from imgvec.stores.sqlite import FILE_NAME
from tests.support.aws.ministack import CREDENTIALS
from tests.support.contract.checks import assert_plain_error
from tests.support.contract.embed_routes import CHECKS
from tests.support.server.breaking_servers import (
    counted,
    embed,
    in_process,
    kept,
    place_of,
    served,
    upload,
)
from tests.support.server.places import PictureServer, imgvec, server_environment, serving


@pytest.fixture
def environment(tmp_path: Path, pictures: PictureServer) -> dict[str, str]:
    return server_environment(tmp_path / "data", pictures)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB; only root can have one."""
    folder = tmp_path / "data"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "imgvec-test", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("A FULL DISK WAS NOT TESTED: only root can mount a small one")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_full_disk(disk: Path, environment: dict[str, str]) -> None:
    with served(environment) as (place, _):
        with pytest.raises(OSError, match="No space"), (disk / "filler").open("wb") as filler:
            while True:
                filler.write(bytes(4096))
                filler.flush()
        CHECKS["memories.ai"](upload(place), 500)
        statuses = [embed(place).status_code for _ in range(30)]
        assert statuses[-1] == 500
        CHECKS["coreviz"](embed(place), 500)
        assert kept(place) == []
        (disk / "filler").unlink()
        assert embed(place).status_code == 200
        assert upload(place).status_code == 200
    assert counted(place) == 1 + statuses.count(200) + 1


def test_folder_that_may_only_be_read(pictures: PictureServer, tmp_path: Path) -> None:
    with ExitStack() as stack:
        environment = server_environment(tmp_path / "data", pictures)
        place = stack.enter_context(in_process(environment))
        assert upload(place).status_code == 200
        before = kept(place)
        stack.enter_context(read_only(Path(environment["IMGVEC_DATA"]) / "assets"))
        CHECKS["memories.ai"](upload(place), 500)
        assert embed(place).status_code == 200
        assert kept(place) == before
    assert counted(place) == 1


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nothing be written below a folder, not even by root."""
    if os.geteuid() == 0:
        command = ["mount", "--bind", "-o", "ro", str(folder), str(folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("A READ-ONLY FOLDER WAS NOT TESTED: it cannot be mounted")
    for path in (folder, folder / "partial"):
        if os.geteuid():
            path.chmod(0o500)
    yield
    if os.geteuid() == 0:
        subprocess.run(["umount", folder], check=True)
    for path in (folder, folder / "partial"):
        path.chmod(0o700)


def test_damaged_database(environment: dict[str, str]) -> None:
    path = Path(environment["IMGVEC_DATA"]) / FILE_NAME
    with served(environment) as (place, _):
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        backup = path.read_bytes()
        path.write_bytes(backup[:100] + bytes(len(backup) - 100))
        CHECKS["coreviz"](embed(place), 500)
        assert_plain_error(place.client.get("/ready"), 503)
        assert place.client.get("/health").status_code == 200
    refused = imgvec("serve", "--port", "0", environment=environment)
    assert "restore it from a backup" in refused.stderr
    for name in (FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm"):
        path.with_name(name).unlink(missing_ok=True)
    path.write_bytes(backup)
    assert counted(place) == 1
    with serving(environment) as running:
        again = httpx2.get(f"{running.address}/health", trust_env=False)
        assert again.status_code == 200


def test_locked_database(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imgvec.stores.sqlite.database.BUSY_SECONDS", 0.2)
    path = Path(environment["IMGVEC_DATA"]) / FILE_NAME
    with in_process(environment) as place:
        assert embed(place).status_code == 200
        with closing(sqlite3.connect(path, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            CHECKS["coreviz"](embed(place), 500)
            # What is there can be read all the same.
            assert place.client.get("/ready").status_code == 200
        assert embed(place).status_code == 200
    assert counted(place) == 2


def test_table_that_says_nothing(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with in_process(environment) as good, socket.create_server(("127.0.0.1", 0)) as silent:
        assert embed(good).status_code == 200
        port = silent.getsockname()[1]
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"http://127.0.0.1:{port}")
        settings = load_settings({**environment, "IMGVEC_TABLE": "imgvec"})
        with TestClient(create_app(settings)) as client:
            waiting_for_the_first_inference(client)
            started = time.monotonic()
            assert_plain_error(client.get("/ready"), 503)
            assert time.monotonic() - started < 15
            CHECKS["coreviz"](embed(place_of(client, environment, good.key)), 500)
            assert client.get("/health").status_code == 200


def waiting_for_the_first_inference(client: httpx2.Client) -> None:
    """The store's silence is not to be taken for a start."""
    while "starting" in client.get("/ready").text:
        time.sleep(0.05)
