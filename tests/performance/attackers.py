"""One consumer beside others: bodies of many members, a spent quota, and a neighbour's waiting.

    PYTHONPATH=. python tests/performance/attackers.py [--imgvec COMMAND] [members spent neighbour]

COMMAND is the `imgvec` of any checkout, so that two can be measured by one script, in turns.
"""

import argparse
import json
import math
import os
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import httpx2

from imgvec_benchmarks.server import resident, wait_until_ready
from tests.support.images.pictures import photo_jpeg
from tests.support.images.tiny_files import ends_of_line

ROUTE: Final = "/serve/api/v2/embeddings"
PLAN: Final = ("--rate", "5", "--burst", "5")
JUNK: Final = ends_of_line(8, 7000)
"""A bitmap of 1 kB that stands for 49 million pixels."""
ASKED: Final = 100
"""Images that the neighbour asks for, one after the other."""


@dataclass
class Site:
    """A site of a third party: it counts requests, and may be slow."""

    address: str
    seconds: float = 0.0
    requests: int = 0


@contextmanager
def site(picture: bytes) -> Iterator[Site]:
    """A site on this machine that answers each path with the same picture."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.requests += 1
            time.sleep(found.seconds)
            self.send_response(200)
            self.send_header("Content-Length", str(len(picture)))
            self.end_headers()
            self.wfile.write(picture)

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Site(f"127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()


@dataclass
class Server:
    """A server of a checkout, and its command line."""

    command: str
    environment: dict[str, str]
    pid: int = 0
    address: str = ""

    def run(self, *arguments: str) -> str:
        """The standard output of a command."""
        made = subprocess.run(
            [self.command, *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
            text=True,
        )
        return made.stdout

    def client(self, consumer: str, *plan: str) -> httpx2.Client:
        """A client with a new key of this consumer."""
        if plan:
            self.run("plans", "create", consumer, *plan)
        key = json.loads(self.run("keys", "create", consumer, "--json"))["key"]
        if plan:
            self.run("plans", "assign", consumer, consumer)
        limits = httpx2.Limits(max_connections=100)
        headers = {"Authorization": key, "Connection": "keep-alive"}
        return httpx2.Client(base_url=self.address, headers=headers, timeout=120, limits=limits)


@contextmanager
def served(command: str, **settings: str) -> Iterator[Server]:
    """A server with the starter that is ready."""
    with tempfile.TemporaryDirectory() as data:
        named = {f"IMGVEC_{name}": value for name, value in settings.items()}
        environment = {**os.environ, "IMGVEC_DATA": str(Path(data)), **named}
        with subprocess.Popen(
            [command, "serve", "--port", "0"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout is not None
            said = (re.search(r"answers on (\S+)", line) for line in process.stdout)
            address = next(filter(None, said))[1]
            threading.Thread(target=list, args=(process.stdout,), daemon=True).start()
            try:
                wait_until_ready(address)
                yield Server(command, environment, process.pid, address)
            finally:
                process.terminate()


def members(command: str) -> None:
    """Five bodies of 20 MB with 1.9 million members at once."""
    body = b"{" + b",".join(b'"%x":0' % number for number in range(1_900_000)) + b"}"
    body = body[:-1] + b" " * (19_999_000 - len(body)) + b"}"
    with served(command) as server:
        before, slowest = resident(server.pid), 0.0
        clients = [server.client("crowd") for _ in range(5)]
        statuses: list[int] = []

        def send(client: httpx2.Client) -> None:
            headers = {"Content-Type": "application/json"}
            answer = client.post(f"{ROUTE}/text", content=body, headers=headers)
            statuses.append(answer.status_code)

        threads = [threading.Thread(target=send, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        with httpx2.Client(base_url=server.address, timeout=60) as stranger:
            while any(thread.is_alive() for thread in threads):
                asked = time.perf_counter()
                stranger.get("/health")
                slowest = max(slowest, time.perf_counter() - asked)
                time.sleep(0.01)
        most, after = resident(server.pid, "VmHWM"), resident(server.pid)
        print(
            f"members: resident {before:.0f} MB before, {most:.0f} at most, {after:.0f} after;"
            f" /health at most {slowest:.2f} s;"
            f" statuses {sorted(statuses)}"
        )


def spent(command: str) -> None:
    """URLs that a consumer sends whose quota is used up."""
    with (
        site(photo_jpeg(640, 480)) as third,
        served(command, FETCH_ALLOW=third.address) as server,
    ):
        client = server.client("spent", "--daily", "1")
        wanted = {"image_url": f"http://{third.address}/a.jpg", "model": "mobileclip"}
        statuses = [client.post(f"{ROUTE}/image", json=wanted).status_code for _ in range(20)]
        reached = third.requests - 1
        time.sleep(31)
        statuses += [client.post(f"{ROUTE}/image", json=wanted).status_code for _ in range(20)]
        print(
            f"spent: {reached} requests reached the third site at once,"
            f" {third.requests - 1} in all, half of them 31 s later;"
            f" statuses {statuses[0]}, then {sorted(set(statuses[1:]))}"
        )


def neighbour(command: str) -> None:
    """The p95 of single images beside a consumer that does its worst at its plan's rate."""
    picture = photo_jpeg(640, 480)
    with (
        site(picture) as third,
        served(command, FETCH_ALLOW=third.address) as server,
    ):
        third.seconds = 9.0
        good, bad = server.client("good"), server.client("bad", *PLAN)
        alone = percentile(good, picture)
        print(f"neighbour: alone p95 {alone * 1000:.1f} ms")
        url = {"image_url": f"http://{third.address}/a.jpg", "model": "mobileclip"}
        texts = {"input": ["a photo of a cat " * 10] * 100, "model": "mobileclip"}
        once = {"Idempotency-Key": "again", "Content-Type": "application/json"}
        form = {"model": "mobileclip"}
        kinds: dict[str, Callable[[], object]] = {
            "lists": lambda: bad.post(f"{ROUTE}/text", json=texts),
            "slow URLs": lambda: bad.post(f"{ROUTE}/image", json=url),
            "repeats": lambda: bad.post(f"{ROUTE}/text", json=texts, headers=once),
            "junk": lambda: bad.post(f"{ROUTE}/image", data=form, files={"file": ("a", JUNK)}),
        }
        for name, attack in kinds.items():
            beside = percentile(good, picture, attack)
            print(f"  beside {name}: p95 {beside * 1000:.1f} ms, {beside / alone:.1f} times")


def percentile(
    client: httpx2.Client, picture: bytes, attack: Callable[[], object] | None = None
) -> float:
    """Seconds of the p95, while `attack` is repeated by eight threads, 20 times a second in all."""
    ended = threading.Event()

    def again() -> None:
        assert attack is not None
        while not ended.wait(0.4):
            attack()

    threads = [threading.Thread(target=again) for _ in range(8 if attack else 0)]
    for thread in threads:
        thread.start()
    time.sleep(1.0)
    seconds = []
    for _ in range(ASKED):
        asked = time.perf_counter()
        files, form = {"file": ("a.jpg", picture)}, {"model": "mobileclip"}
        client.post(f"{ROUTE}/image", data=form, files=files).raise_for_status()
        seconds.append(time.perf_counter() - asked)
        time.sleep(0.05)
    ended.set()
    for thread in threads:
        thread.join()
    return sorted(seconds)[math.ceil(len(seconds) * 0.95) - 1]


PARTS: Final = {"members": members, "spent": spent, "neighbour": neighbour}


def main() -> None:
    """Print the figures of the parts that are named, or of all."""
    parser = argparse.ArgumentParser(description="One consumer beside others.")
    parser.add_argument("parts", nargs="*", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--imgvec", default=".venv/bin/imgvec", metavar="COMMAND")
    chosen = parser.parse_args()
    for name in chosen.parts:
        PARTS[name](chosen.imgvec)


if __name__ == "__main__":
    main()
