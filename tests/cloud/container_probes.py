"""The image for laptops and container hosts, as docs/how-to/container.md runs it.

Named so that `make test` passes it by: it needs a container engine and the image, which `make
test-container` and `make test-cloud` make.
"""

import base64
import json
import os
import re
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import httpx2
import pytest

from tests.support.server.places import CAT, ROOT

IMAGE: Final = os.environ["TEST_CONTAINER_IMAGE"]
CONFINED: Final = (
    *("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"),
    *("--security-opt", "no-new-privileges"),
)
KEY: Final = re.compile(r"\bimgvec_[0-9A-Za-z]{33}\b")
IMAGE_FIELD: Final = "data:image/jpeg;base64," + base64.b64encode(CAT.read_bytes()).decode()
PORT: Final = "18000"


@dataclass(frozen=True)
class Container:
    """A running container and where it answers."""

    name: str
    address: str

    @property
    def log(self) -> str:
        """All that it wrote."""
        return docker("logs", self.name)


def docker(*arguments: str, **environment: str) -> str:
    """Run a command of the engine's; gives what it printed."""
    done = subprocess.run(
        ["docker", *arguments],
        env={**os.environ, **environment},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def wait_until_ready(address: str) -> None:
    """Ask until a server answers that it can embed."""
    deadline = time.monotonic() + 60
    while True:
        try:
            if httpx2.get(f"{address}/ready", trust_env=False).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        assert time.monotonic() < deadline, "not ready"
        time.sleep(0.05)


def embed(address: str, key: str) -> httpx2.Response:
    """The answer for a photo, in CoreViz's dialect."""
    return httpx2.post(
        f"{address}/api/ai/embeddings",
        json={"image": IMAGE_FIELD},
        headers={"x-api-key": key},
        timeout=60,
        trust_env=False,
    )


@contextmanager
def running(name: str, *options: str) -> Iterator[Container]:
    """A container of the image with nothing that it may write but its volume."""
    docker("run", "--detach", "--name", name, *CONFINED, *options, IMAGE)
    try:
        where = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        container = Container(
            name, f"http://{docker('inspect', name, '--format', where).strip()}:8000"
        )
        wait_until_ready(container.address)
        yield container
    finally:
        docker("rm", "--force", name)


@pytest.fixture(scope="module")
def volume() -> Iterator[str]:
    """An empty volume."""
    yield docker("volume", "create", "probed").strip()
    docker("volume", "rm", "probed")


@pytest.fixture(scope="module")
def laptop(volume: str) -> Iterator[Container]:
    """The first start of a volume."""
    begun = time.monotonic()
    with running("probed", "--volume", f"{volume}:/data") as container:
        print(f"\n`docker run` to ready: {time.monotonic() - begun:.1f} s")
        assert embed(container.address, key_of(container)).status_code == 200
        print(f"`docker run` to the first vector: {time.monotonic() - begun:.1f} s")
        yield container


def key_of(container: Container) -> str:
    """The key that the first start shows."""
    (key,) = KEY.findall(container.log)
    return str(key)


def test_it_runs_as_nobody_and_writes_nothing(laptop: Container) -> None:
    assert docker("exec", laptop.name, "id", "-u").strip() == "65534"
    writable = docker("exec", laptop.name, "sh", "-c", "touch /opt/imgvec/x 2>/dev/null || echo no")
    assert writable.strip() == "no"


def test_its_health_is_that_of_ready(laptop: Container) -> None:
    deadline = time.monotonic() + 60
    health = "{{.State.Health.Status}}"
    while (said := docker("inspect", laptop.name, "--format", health).strip()) != "healthy":
        assert time.monotonic() < deadline, said
        time.sleep(0.1)


def test_the_command_makes_more_keys(laptop: Container) -> None:
    done = docker("exec", laptop.name, "imgvec", "keys", "create", "second")
    (key,) = KEY.findall(done)
    assert embed(laptop.address, key).status_code == 200


def test_a_second_start_shows_no_key_and_knows_the_first(laptop: Container, volume: str) -> None:
    with running("again", "--volume", f"{volume}:/data") as again:
        assert not KEY.search(again.log)
        assert "No keys yet" not in again.log
        assert embed(again.address, key_of(laptop)).status_code == 200


def test_a_stop_answers_what_was_accepted() -> None:
    body = json.dumps({"image": IMAGE_FIELD}).encode()
    with running("stopped") as container:
        head = (
            "POST /api/ai/embeddings HTTP/1.1\r\nHost: imgvec\r\n"
            f"x-api-key: {key_of(container)}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        host = container.address.removeprefix("http://").partition(":")[0]
        with socket.create_connection((host, 8000), timeout=30) as connection:
            connection.sendall(head.encode() + body[:1000])
            time.sleep(0.2)
            docker("kill", "--signal", "TERM", "stopped")
            while httpx2.get(f"{container.address}/ready", trust_env=False).status_code == 200:
                time.sleep(0.05)
            connection.sendall(body[1000:])
            assert connection.recv(12) == b"HTTP/1.1 200"
        assert docker("wait", "stopped").strip() == "0"


@contextmanager
def composed(*file: str) -> Iterator[str]:
    """Run `docker compose up` of a file of ours; gives the address."""
    try:
        docker("compose", *file, "up", "--detach", "--no-build", PORT=PORT)
        address = f"http://127.0.0.1:{PORT}"
        wait_until_ready(address)
        yield address
    except BaseException:
        print(docker("compose", *file, "logs", "--no-color"))
        raise
    finally:
        docker("compose", *file, "down", "--volumes")


def test_compose() -> None:
    with composed() as address:
        (key,) = KEY.findall(docker("compose", "logs", "--no-color", "imgvec"))
        assert embed(address, key).status_code == 200
        docker("compose", "restart")
        wait_until_ready(address)
        assert embed(address, key).status_code == 200


def test_two_replicas_share_keys_and_usage() -> None:
    file = ("--file", "compose.replicas.yaml")
    with composed(*file) as address:
        made = docker("compose", *file, "exec", "-T", "imgvec", "imgvec", "keys", "create", "team")
        (key,) = KEY.findall(made)
        answers = [embed(address, key).status_code for _ in range(8)]
        assert answers == [200] * 8
        logs = docker("compose", *file, "logs", "--no-color", "imgvec")
        served = Counter(re.findall(r"^(\S+)\s.*POST /api/ai/embeddings 200", logs, re.MULTILINE))
        assert len(served) == 2, served
        usage = docker(
            *("compose", *file, "exec", "-T", "--index", "2"),
            *("imgvec", "imgvec", "usage", "team", "--json"),
        )
        assert sum(row["images"] for row in json.loads(usage)) == 8
