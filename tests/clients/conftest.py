"""A running `imgvec serve` for the clients of the vendors, and how it answered each request.

These tests run in the clients' environments (`make test-clients`), which have nothing of imgvec.
"""

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2
import pytest

from tests.support.contract.checks import bits, data_uri
from tests.support.server.places import (
    CAT,
    NOBODY,
    Running,
    server_environment,
    start_process,
    stop_server,
)

IMGVEC: Final = (os.environ.get("TEST_PYTHON", ".venv/bin/python"), "-m", "imgvec")
PLANS: Final = {
    "slow": ("--rate", "0.33"),
    "slower": ("--rate", "0.15"),
    "stopped": ("--rate", "0.0001"),
    "spent": ("--daily", "1"),
}
"""Each lets one text pass; `slow` another after three seconds, `slower`, for clients that take long
to start, after seven, `stopped` after hours."""
LOGGED: Final = re.compile(r"INFO (?:GET|POST) .* (\d{3}) [\d.]+ ms id=(\w+)$")
LONGEST_SECONDS: Final = 10.0
COLUMNS: Final = ("an_image", "a_text", "a_batch", "a_bad_key")
"""Of the table that is printed, by the names of tests."""


def imgvec(environment: dict[str, str], *arguments: str) -> str:
    """The output of a command, which must succeed."""
    command = (*IMGVEC, *arguments)
    return subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, text=True, timeout=120, check=True
    ).stdout


def create_key(environment: dict[str, str], *arguments: str) -> tuple[str, str]:
    """A key of a new consumer, and its id."""
    made = json.loads(imgvec(environment, "keys", "create", "--json", *arguments))
    return made["key"], made["id"]


@dataclass
class Server:
    """The server, keys of it, vectors by other dialects' routes, and the statuses that it gave."""

    running: Running
    environment: dict[str, str]
    key: str
    wrong_key: str = "sk-no-key-of-this-server"
    own: set[str] = field(default_factory=set)
    """Ids of the requests that are ours and no client's."""
    limited: dict[str, str] = field(default_factory=dict)
    """Keys, by plan."""
    ids: dict[str, str] = field(default_factory=dict)
    """By key."""

    @property
    def address(self) -> str:
        """The root, with which clients' base URLs begin."""
        return self.running.address

    def limited_key(self, plan: str) -> str:
        """A key of a consumer who has used what this plan allows; of a slow one, just now."""
        if plan not in self.limited or plan.startswith("slow"):
            name = f"{plan}-{len(self.own)}"
            key, identity = create_key(self.environment, name, "--plan", plan)
            self.limited[plan], self.ids[key] = key, identity
            self.ask("/api/ai/embed", {"text": "a cat"}, key)
        return self.limited[plan]

    def counted(self, key: str) -> int:
        """Units that a key has been counted."""
        rows = json.loads(imgvec(self.environment, "keys", "list", "--json"))
        return sum(row["embeddings"] for row in rows if row["id"] == self.ids[key])

    def image(self, dimensions: int = 1024) -> bytes:
        """The bits of the sample photo's vector, by PixLab's route, or OpenAI's for 768."""
        if dimensions == 768:
            given = [{"image": data_uri(CAT.read_bytes())}]
            asked = {"model": "starter", "input": given, "dimensions": dimensions}
            return bits(self.ask("/v1/embeddings", asked)["data"][0]["embedding"])
        content = {"img": data_uri(CAT.read_bytes()), "dimension": dimensions, "key": self.key}
        return bits(self.ask("/imgembed", content)["embedding"])

    def text(self, text: str, dimensions: int = 1024) -> bytes:
        """The bits of a text's vector, by the route of memories.ai."""
        model = "mobileclip" if dimensions == 512 else "multimodalembedding@001"
        path = "/serve/api/v2/embeddings/text"
        return bits(self.ask(path, {"model": model, "input": text})["data"][0]["embedding"])

    def ask(self, path: str, content: dict[str, Any], key: str = "") -> Any:
        """The answer to a request of our own."""
        headers = {"Authorization": f"Bearer {key or self.key}"}
        url = f"{self.address}{path}"
        answer = httpx2.post(url, json=content, headers=headers, timeout=60, trust_env=False)
        self.own.add(answer.headers["X-Request-Id"])
        assert answer.status_code == 200, answer.text
        return answer.json()

    @contextmanager
    def answers(self, *statuses: int) -> Iterator[None]:
        """The block makes requests that are answered so, in this order, and no others."""
        before = len(self._statuses())
        yield
        assert self._statuses()[before:] == list(statuses)

    def _statuses(self) -> list[int]:
        """The status of each request that a client has made; the log has them in its order."""
        self.ask("/api/ai/embed", {"text": "a cat"})
        end = time.monotonic() + LONGEST_SECONDS
        while not self.own <= {number for _, number in self._logged()}:
            assert time.monotonic() < end, "the log lacks a request"
            time.sleep(0.005)
        return [int(status) for status, number in self._logged() if number not in self.own]

    def _logged(self) -> list[tuple[str, str]]:
        found = (LOGGED.search(line.rstrip()) for line in list(self.running.lines))
        return [(one[1], one[2]) for one in found if one]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print a row for each class of clients: what passed, and the error that a bad key raised."""
    rows: dict[tuple[str, object], dict[str, object]] = {}
    for report in terminalreporter.getreports("passed"):
        properties = dict(report.user_properties)
        if report.when == "call" and "client" in properties:
            passed = report.nodeid.rpartition("::")[2].removeprefix("test_")
            cells = rows.setdefault((report.nodeid.split("::")[1], properties["client"]), {})
            cells[passed] = properties.get("error", "right")
    for (_, client), cells in rows.items():
        shown = (cells.get(column, "-") for column in COLUMNS)
        terminalreporter.write_line(f"| {' | '.join(map(str, (client, *shown)))} |")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server, with plans."""
    environment = server_environment(tmp_path_factory.mktemp("data"), NOBODY)
    for name, limits in PLANS.items():
        imgvec(environment, "plans", "create", name, *limits)
    key, identity = create_key(environment, "unlimited")
    running = start_process(environment, *IMGVEC, "serve", "--port", "0")
    try:
        yield Server(running, environment, key, ids={key: identity})
    finally:
        stop_server(running)


@pytest.fixture(scope="session")
def cat() -> bytes:
    """The sample photo."""
    return CAT.read_bytes()


@pytest.fixture(scope="session")
def uri(cat: bytes) -> str:
    """The sample photo as a data URI."""
    return data_uri(cat)
