"""Strangers without a key cost the others rejected requests, and time for `/health`.

PYTHONPATH=. python tests/performance/strangers.py [--imgvec COMMAND]

COMMAND is the `imgvec` of any checkout, such as that of an older one; without it, this one's. First
some strangers send bodies that fill all that the server may hold, go silent, and come again as soon
as they are sent away; meanwhile good requests come, with the key in a header and in a form. Then
others send bodies of one byte a chunk while `/health` is asked.
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
from typing import Any

import httpx2

from imgvec_benchmarks.server import wait_until_ready
from tests.support.images.pictures import photo_jpeg
from tests.support.server.load_client import Streams

HEAD = "POST /imgembed HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
STRANGERS, HELD, ANNOUNCED = 50, 5_119_000, 19_000_000
"""So many silent bodies hold all of `IMGVEC_MAX_BODIES` but 50 kB; each says that it is longer."""
HEALTH_SECONDS, PAUSE = 20.0, 0.1
"""The pause is between two requests or connections."""


@dataclass(frozen=True)
class Attack:
    """So many connections to a server on this machine, for some seconds."""

    address: str
    connections: int
    seconds: float
    size: int
    """Bytes that each silent body holds, or chunks in each write of a dripping one."""


Stranger = Callable[[Attack], Coroutine[None, None, None]]


async def connected(attack: Attack) -> Streams:
    return await asyncio.open_connection("127.0.0.1", int(attack.address.rpartition(":")[2]))


async def silent(attack: Attack) -> None:
    """Send the beginning of a body, and wait until the server ends it."""
    reader, writer = await connected(attack)
    try:
        writer.write(f"{HEAD}Content-Length: {ANNOUNCED}\r\n\r\n".encode() + b"x" * attack.size)
        await writer.drain()
        await reader.read()
    finally:
        writer.close()


async def dripping(attack: Attack) -> None:
    """Send chunks of one byte until the server ends it."""
    reader, writer = await connected(attack)
    try:
        writer.write(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode())
        while not reader.at_eof():
            writer.write(b"1\r\nx\r\n" * attack.size)
            await writer.drain()
            await asyncio.sleep(0)
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
        tasks = [asyncio.create_task(again()) for _ in range(attack.connections)]
        await asyncio.wait(tasks, timeout=attack.seconds)

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
        made = subprocess.run(making, env=environment, capture_output=True, check=True)
        with subprocess.Popen(
            [*command, "serve", "--port", "0"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout is not None
            said = filter(None, (re.search(r"answers on (\S+)", line) for line in process.stdout))
            address = next(said)[1]
            reader = threading.Thread(target=list, args=(process.stdout,), daemon=True)
            reader.start()
            wait_until_ready(address)
            try:
                yield address, json.loads(made.stdout)["key"]
            finally:
                process.terminate()
                reader.join()


def good_requests(address: str, key: str, seconds: float) -> dict[str, Counter[str]]:
    """Statuses of good requests of 300 kB, by the place of their key."""
    photo = photo_jpeg(64, 64, 85).ljust(225_000, b"\0")
    image = f"data:image/jpeg;base64,{b64encode(photo).decode()}"
    asked: dict[str, dict[str, Any]] = {
        "head": {"url": "/api/ai/embed", "json": {"image": image}, "headers": {"x-api-key": key}},
        "body": {"url": "/imgembed", "data": {"key": key}, "files": {"file": photo}},
    }
    found: dict[str, Counter[str]] = {place: Counter() for place in asked}
    until = time.monotonic() + seconds
    with httpx2.Client(base_url=address, timeout=60, trust_env=False) as client:
        while time.monotonic() < until:
            for place, request in asked.items():
                try:
                    found[place][str(client.post(**request).status_code)] += 1
                except httpx2.TransportError:
                    found[place]["broken"] += 1
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


def main() -> None:
    """Print both; exit 1 if a good request was rejected."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--imgvec", default=f"{shlex.quote(sys.executable)} -m imgvec")
    parser.add_argument("--chunks", type=int, default=1, help="of one byte, in one write")
    parser.add_argument("--seconds", type=float, default=30)
    options = parser.parse_args()
    command = shlex.split(options.imgvec)
    with served(command) as (address, key):
        attack = Attack(address, STRANGERS, options.seconds + 2, HELD)
        with under(silent, attack):
            found = good_requests(address, key, options.seconds)
        for place, statuses in found.items():
            print(f"key in the {place}: {dict(statuses)}", flush=True)
    with served(command) as (address, _):
        attack = Attack(address, 20, HEALTH_SECONDS + 2, options.chunks)
        with under(dripping, attack):
            took = health(address, HEALTH_SECONDS)
        print(f"/health, {len(took)}: median {statistics.median(took):.1f}, max {max(took):.1f} ms")
    sys.exit(0 if all(set(statuses) == {"200"} for statuses in found.values()) else 1)


if __name__ == "__main__":
    main()
