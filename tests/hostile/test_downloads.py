"""Downloads from a laptop's store: readers that read nothing, slowly, or not to the end."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from imgvec_benchmarks.server import resident, wait_until_ready
from tests.support.contract.embed_routes import V2
from tests.support.http.raw_http import connected, read_answer
from tests.support.server.places import NOBODY, Running, create_key, server_environment, serving

SIZE = 19_000_000
FEW_MB = 3 * SIZE / 1e6
"""Of memory, for ten readers of as many bytes."""


@dataclass(frozen=True)
class Shelf:
    """A server with a file."""

    running: Running
    key: str
    asset: str
    data: bytes

    @property
    def address(self) -> str:
        """Of the asset."""
        return f"{self.running.address}{V2}/{self.asset}"

    @property
    def asking(self) -> bytes:
        """A request for the file."""
        path = f"{V2}/{self.asset}/download"
        return f"GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: {self.key}\r\n\r\n".encode()

    @property
    def resident(self) -> float:
        """MB that the server holds."""
        return resident(self.running.process.pid)


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    environment = server_environment(tmp_path, NOBODY)
    key, _ = create_key("first", environment)
    data = os.urandom(SIZE)
    with serving(environment) as running:
        wait_until_ready(running.address)
        kept = httpx2.post(
            f"{running.address}{V2}/upload",
            headers={"Authorization": key},
            files={"file": data},
            timeout=60,
            trust_env=False,
        )
        yield Shelf(running, key, kept.raise_for_status().json()["data"]["asset_id"], data)


def test_readers_that_read_nothing_hold_little(shelf: Shelf) -> None:
    before = shelf.resident
    with ExitStack() as readers:
        for _ in range(10):
            readers.enter_context(connected(shelf.running.address)).sendall(shelf.asking)
        # Beside them another one is served; by then theirs are as far as they get.
        with connected(shelf.running.address) as reader, reader.makefile("rb") as stream:
            reader.sendall(shelf.asking)
            answer = read_answer(stream)
        assert answer is not None
        assert answer.body == shelf.data
        assert answer.headers["content-length"] == str(SIZE)
        time.sleep(0.5)
        assert shelf.resident - before < FEW_MB


def test_downloads_that_are_broken_off_leave_nothing(shelf: Shelf) -> None:
    before = shelf.resident
    for _ in range(5):
        with ExitStack() as readers:
            for _ in range(10):
                reader = readers.enter_context(connected(shelf.running.address))
                reader.sendall(shelf.asking)
                assert reader.recv(1 << 16)
    wait_until_logged(shelf.running, "/download 499 ", 50)
    assert shelf.resident - before < FEW_MB
    assert "fault" not in shelf.running.log


def test_a_file_that_is_deleted_meanwhile_is_sent_to_its_end(shelf: Shelf) -> None:
    with connected(shelf.running.address) as reader, reader.makefile("rb") as stream:
        reader.sendall(shelf.asking)
        begin = stream.read(100_000)
        key = {"Authorization": shelf.key}
        assert httpx2.delete(shelf.address, headers=key, trust_env=False).status_code == 200
        gone = httpx2.get(f"{shelf.address}/download", headers=key, trust_env=False)
        assert gone.status_code == 400
        head, _, body = begin.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert body + stream.read(SIZE - len(body)) == shelf.data


def wait_until_logged(running: Running, words: str, times: int) -> None:
    """Until a server has logged some words so often."""
    for _ in range(1000):
        if running.log.count(words) >= times:
            return
        time.sleep(0.01)
    raise AssertionError(running.log[-2000:])
