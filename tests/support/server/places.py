"""Places where the API answers, the commands that make their keys, a listener with pictures."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from tests.support.server.command_line import run_forked

ROOT = Path(__file__).resolve().parents[3]
CAT = ROOT / "examples" / "cat.jpg"
BEHIND_A_GATEWAY = ("start-api", "deployed")
"""Places with a table and a bucket of AWS's kind, and a gateway that answers some things itself."""


@dataclass(frozen=True)
class Place:
    """Somewhere the API answers, with keys of two consumers and a revoked one."""

    name: str
    client: httpx2.Client
    key: str
    other_key: str
    revoked_key: str
    environment: dict[str, str]
    """What the server and the command line run under."""


@dataclass(frozen=True)
class PictureServer:
    """A listener that the places may fetch from; without an address, one that they cannot reach."""

    address: str
    files: dict[str, bytes]
    """What is served, by path without the slash; anything else is 404."""

    def url(self, name: str, data: bytes | None = None) -> str:
        """The address of a file, put there first where `data` is given."""
        if not self.address:
            pytest.skip(
                "NOT RUN: the stack cannot fetch from here; docs/how-to/deploy.md, TEST_PICTURES"
            )
        if data is not None:
            self.files[name] = data
        return f"http://{self.address}/{name}"


NOBODY = PictureServer("127.0.0.1:9", {})
"""Where nobody listens: for servers that are to fetch nothing."""


def imgvec(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    return run_forked(*arguments, environment=environment, seconds=120)


def create_key(consumer: str, environment: dict[str, str]) -> tuple[str, str]:
    """Make a key with the command line; gives the key and its id."""
    made = imgvec("keys", "create", consumer, "--json", environment=environment)
    assert made.returncode == 0, made.stderr
    content = json.loads(made.stdout)
    return content["key"], content["id"]


@dataclass
class Running:
    """A server process and what it has logged so far."""

    process: subprocess.Popen[str]
    address: str
    lines: list[str]
    reader: threading.Thread

    @property
    def log(self) -> str:
        """All that it wrote."""
        return "".join(self.lines)


def start_server(environment: dict[str, str], *arguments: str) -> Running:
    """Start `imgvec serve` on a free port and wait for its address."""
    command = (sys.executable, "-m", "imgvec", "serve", "--port", "0")
    return start_process(environment, *command, *arguments)


def start_serving(environment: dict[str, str]) -> Running:
    """Start the serving container's process on a free port and wait for its address."""
    command = (sys.executable, "-m", "imgvec.sagemaker_container", "serve", "--port", "0")
    return start_process(environment, *command)


def start_process(environment: dict[str, str], *command: str) -> Running:
    """Start a command that serves, and wait for the address that it prints."""
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if "answers on " in line:
            break
    else:
        raise AssertionError(f"the server did not start: {''.join(lines)}")
    address = lines[-1].split("answers on ")[1].strip()
    # The pipe must be emptied, or a chatty server would block on it.
    reader = threading.Thread(target=lines.extend, args=(process.stdout,), daemon=True)
    reader.start()
    return Running(process, address, lines, reader)


def stop_server(running: Running) -> None:
    """End a server as Ctrl-C does."""
    running.process.terminate()
    running.process.wait(timeout=30)
    running.reader.join()
    if running.process.stdout is not None:
        running.process.stdout.close()


@contextmanager
def serving(environment: dict[str, str], *arguments: str) -> Iterator[Running]:
    """A server that is ended whatever a test finds."""
    running = start_server(environment, *arguments)
    try:
        yield running
    finally:
        stop_server(running)


def server_environment(data: Path, pictures: PictureServer) -> dict[str, str]:
    """The test's own environment with stores in `data`."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("IMGVEC_")},
        "IMGVEC_DATA": str(data),
        "IMGVEC_FETCH_ALLOW": pictures.address,
    }
