"""What strangers without a key cost those who have one: rejected requests, and time for `/health`.

PYTHONPATH=. python tests/performance/strangers.py [--imgvec COMMAND]

COMMAND is the `imgvec` of any checkout, such as that of an older one; without it, this one's. First
some strangers send bodies that fill all that the server may hold, go silent, and come again as soon
as they are sent away; meanwhile good requests come, with the key in a header and in a form. Then
others send bodies of one byte a chunk, as fast as the server takes them, while `/health` is asked.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2

from imgvec_benchmarks.server import wait_until_ready
from tests.support.images.pictures import photo_jpeg

FORM = "application/x-www-form-urlencoded"
HEAD = f"POST /imgembed HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {FORM}\r\n"
ANNOUNCED = 19_000_000
PAUSE = 0.1
"""Seconds between two requests or connections."""
CHUNKS = b"1\r\nx\r\n" * 1000


@dataclass(frozen=True)
class Attack:
    """So many connections to a port of this machine, for some seconds."""

    port: int
    connections: int
    seconds: float
    held: int
    """Bytes that each silent body holds."""


Stranger = Callable[[Attack], Coroutine[None, None, None]]


async def silent(attack: Attack) -> None:
    """Send the beginning of a body, and wait until the server ends it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", attack.port)
    try:
        writer.write(f"{HEAD}Content-Length: {ANNOUNCED}\r\n\r\n".encode() + b"x" * attack.held)
        await writer.drain()
        await reader.read()
    finally:
        writer.close()


async def dripping(attack: Attack) -> None:
    """Send chunks of one byte until the server ends it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", attack.port)
    try:
        writer.write(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode())
        while not reader.at_eof():
            writer.write(CHUNKS)
            await writer.drain()
    finally:
        writer.close()


def attack_with(stranger: Stranger, attack: Attack) -> None:
    """Run an attack to its end; who is sent away comes again."""

    async def again() -> None:
        while True:
            with suppress(OSError):
                await stranger(attack)
            await asyncio.sleep(PAUSE)

    async def all_of_them() -> None:
        async with asyncio.timeout(attack.seconds), asyncio.TaskGroup() as group:
            for _ in range(attack.connections):
                group.create_task(again())

    with suppress(TimeoutError):
        asyncio.run(all_of_them())


@contextmanager
def under(stranger: Stranger, attack: Attack) -> Iterator[None]:
    """An attack from another process that has begun a second ago."""
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=attack_with, args=(stranger, attack))
    process.start()
    try:
        time.sleep(1)
        yield
    finally:
        process.join()


@contextmanager
def served(command: list[str]) -> Iterator[tuple[str, str]]:
    """Address of a server, and a key for it."""
    with tempfile.TemporaryDirectory() as data:
        environment = {**os.environ, "IMGVEC_DATA": data, "IMGVEC_LOG_LEVEL": "error"}
        making = [*command, "keys", "create", "good", "--json"]
        made = subprocess.run(making, env=environment, stdout=subprocess.PIPE, check=True)
        serving = [*command, "serve", "--port", "0"]
        with subprocess.Popen(
            serving, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            assert process.stdout is not None
            said = filter(None, (re.search(r"answers on (\S+)", line) for line in process.stdout))
            address = next(said)[1]
            reader = threading.Thread(target=list, args=(process.stdout,), daemon=True)
            reader.start()
            try:
                wait_until_ready(address)
                yield address, json.loads(made.stdout)["key"]
            finally:
                process.terminate()
                reader.join()


def good_requests(address: str, key: str, seconds: float, body: int) -> dict[str, Counter[str]]:
    """Statuses of good requests of `body` bytes, by the place of their key."""
    photo = photo_jpeg(64, 64, 85)
    photo += bytes(max(0, body * 3 // 4 - len(photo)))
    in_json = {"image": f"data:image/jpeg;base64,{b64encode(photo).decode()}"}
    found: dict[str, Counter[str]] = {"head": Counter(), "body": Counter()}
    until = time.monotonic() + seconds
    with httpx2.Client(base_url=address, timeout=60, trust_env=False) as client:

        def ask(place: str) -> httpx2.Response:
            if place == "head":
                return client.post("/api/ai/embed", json=in_json, headers={"x-api-key": key})
            return client.post("/imgembed", data={"key": key}, files={"file": photo})

        while time.monotonic() < until:
            for place, statuses in found.items():
                try:
                    statuses[str(ask(place).status_code)] += 1
                except httpx2.TransportError:
                    statuses["broken"] += 1
            time.sleep(PAUSE)
    return found


def health(address: str, seconds: float) -> list[float]:
    """Milliseconds of each `/health`, one after the other."""
    took = []
    until = time.monotonic() + seconds
    with httpx2.Client(base_url=address, timeout=60, trust_env=False) as client:
        while time.monotonic() < until:
            began = time.perf_counter()
            client.get("/health").raise_for_status()
            took.append((time.perf_counter() - began) * 1000)
            time.sleep(PAUSE)
    return took


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def main() -> None:
    """Print both; exit 1 if a good request was rejected."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--imgvec", default=f"{shlex.quote(sys.executable)} -m imgvec")
    parser.add_argument("--strangers", type=int, default=50)
    parser.add_argument("--held", type=int, default=5_119_000, help="bytes of each silent body")
    parser.add_argument("--body", type=int, default=300_000, help="bytes of each good request")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--health-seconds", type=float, default=20)
    options = parser.parse_args()
    command = shlex.split(options.imgvec)
    command[0] = str(Path(command[0]).absolute())
    with served(command) as (address, key):
        attack = Attack(port_of(address), options.strangers, options.seconds + 2, options.held)
        with under(silent, attack):
            found = good_requests(address, key, options.seconds, options.body)
        for place, statuses in found.items():
            print(f"key in the {place}: {dict(statuses)}", flush=True)
    with served(command) as (address, _):
        with under(dripping, Attack(port_of(address), 20, options.health_seconds + 2, 0)):
            took = health(address, options.health_seconds)
        print(f"/health, {len(took)}: median {statistics.median(took):.1f}, max {max(took):.1f} ms")
    sys.exit(0 if all(set(statuses) == {"200"} for statuses in found.values()) else 1)


if __name__ == "__main__":
    main()
