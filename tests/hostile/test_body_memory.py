"""Bodies of millions of members, several at once: little memory, and others are answered."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from tests.support.contract.checks import assert_coreviz_error
from tests.support.server.places import NOBODY, Running, create_key, server_environment, serving

MEGABYTE = 1_000_000
RESIDENT = 500 * MEGABYTE
"""Bytes, of the whole process, for five bodies of 20 MB at once: 245 to 370, with a margin for what
an allocator keeps. Without the bound it is above 1 GB."""
HEALTHY = 2.0
"""Seconds for an answer of `/health` meanwhile, on a machine that others use too."""

MEMBERS = b'{"text":"cat"' + b"".join(b',"n%06d":1' % n for n in range(1_600_000)) + b"}"
NUMBERS = b'{"text":"cat","x":[' + b"1," * 9_900_000 + b"1]}"
LISTS = b'{"text":"cat","x":[' + b"[]," * 6_500_000 + b"1]}"
TEXTS = b'{"text":"cat","x":["' + b'","'.join([b"a photo, of a cat" * 11_000] * 100) + b'"]}'
BODIES = {
    "members": (MEMBERS, 400),
    "numbers": (NUMBERS, 400),
    "lists": (LISTS, 400),
    "texts": (TEXTS, 200),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, str]]:
    environment = server_environment(tmp_path_factory.mktemp("data"), NOBODY)
    key, _ = create_key("first", environment)
    with serving(environment) as running:
        yield running, key


def peak(running: Running) -> int:
    """The most memory that the process has had resident, in bytes."""
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


@pytest.mark.parametrize("name", BODIES)
def test_five_at_once(server: tuple[Running, str], name: str) -> None:
    running, key = server
    body, status = BODIES[name]
    assert 17 * MEGABYTE < len(body) <= 20 * MEGABYTE
    headers = {"Content-Type": "application/json", "x-api-key": key}
    ended = threading.Event()
    waits: list[float] = []

    def ask() -> None:
        with httpx2.Client(base_url=running.address, timeout=60, trust_env=False) as client:
            while not ended.is_set():
                began = time.monotonic()
                assert client.get("/health").status_code == 200
                waits.append(time.monotonic() - began)

    def send(client: httpx2.Client) -> httpx2.Response:
        return client.post("/api/ai/embeddings", content=body, headers=headers)

    with (
        ThreadPoolExecutor() as threads,
        httpx2.Client(base_url=running.address, timeout=60, trust_env=False) as client,
    ):
        asking = threads.submit(ask)
        answers = list(threads.map(send, [client] * 5))
        ended.set()
        asking.result()
    for answer in answers:
        if status == 200:
            assert answer.status_code == 200, answer.text
        else:
            assert_coreviz_error(answer, status)
            assert "members" in answer.json()["detail"]
    assert len(waits) > 1
    assert max(waits) < HEALTHY
    assert peak(running) < RESIDENT
