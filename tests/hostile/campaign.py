"""Sends hostile requests to `imgvec serve`, over bare sockets, and says what came back.

make hostile N=200000

Ends with 1 if any answer was our fault (5xx), a request had none within the deadline, the server
ended, its memory passed the bound, or the sample photo's vector is another than before.
"""

import asyncio
import itertools
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from imgvec_benchmarks.server import resident
from tests.support.http.hostile_mix import Hostile, Mix
from tests.support.server.hostile_target import Target, started_target
from tests.support.server.places import PictureServer

CONNECTIONS = 6
DEADLINE = 20.0
"""Seconds until a request without an answer counts as hanging."""
RESIDENT_MEGABYTES = 1000
"""Bound of the server's resident memory, peak."""
CHECKED_EVERY = 10_000
NO_PICTURES = PictureServer("127.0.0.1:2", {})
"""Nothing is fetched; every address is a forbidden one."""


@dataclass
class Found:
    """What has come back."""

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    closed: Counter[str] = field(default_factory=Counter)
    """Connections that were closed before an answer."""
    hung: list[Hostile] = field(default_factory=list)
    faults: list[Hostile] = field(default_factory=list)
    slowest: float = 0.0

    @property
    def requests(self) -> int:
        """How many are done."""
        return self.statuses.total() + self.closed.total() + len(self.hung)


class Connection:
    """One connection at a time, opened again where the server has closed it."""

    def __init__(self, address: str) -> None:
        self._host, _, self._port = address.removeprefix("http://").partition(":")
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def exchange(self, hostile: Hostile) -> int | None:
        """Send one request; gives the status, None where the connection was closed instead."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, int(self._port))
        reader, writer = self._streams
        try:
            writer.write(hostile.sent)
            head = await reader.readuntil(b"\r\n\r\n")
        except (ConnectionError, asyncio.IncompleteReadError):
            await self.close()
            return None
        headers = head.lower()
        _, _, length = headers.partition(b"\r\ncontent-length: ")
        if hostile.ends or not length or b"\r\nconnection: close" in headers:
            await self.close()
        else:
            await reader.readexactly(int(length.split(b"\r\n", 1)[0]))
        return int(head.split(b" ", 2)[1])

    async def close(self) -> None:
        """Let go of the connection."""
        if self._streams is not None:
            self._streams[1].close()
            with suppress(ConnectionError):
                await self._streams[1].wait_closed()
            self._streams = None


async def send_all(address: str, requests: Iterator[Hostile], found: Found) -> None:
    """Send requests one after the other until there are no more."""
    connection = Connection(address)
    for hostile in requests:
        started = time.monotonic()
        try:
            async with asyncio.timeout(DEADLINE):
                status = await connection.exchange(hostile)
                if status is None and not hostile.ends:
                    # The server may have closed an idle connection in the same moment.
                    status = await connection.exchange(hostile)
        except TimeoutError:
            found.hung.append(hostile)
            await connection.close()
            continue
        found.slowest = max(found.slowest, time.monotonic() - started)
        if status is None:
            found.closed[hostile.family] += 1
            continue
        found.statuses[hostile.family, status] += 1
        if status >= 500:
            found.faults.append(hostile)
    await connection.close()


async def run(target: Target, number: int, seed: int) -> Found:
    """Send that many requests, and look at the server between them."""
    found = Found()
    mix = iter(Mix(target.words["KEY"], seed))
    while found.requests < number:
        some = itertools.islice(mix, min(CHECKED_EVERY, number - found.requests))
        async with asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(send_all(target.running.address, some, found))
        if target.running.process.poll() is not None:
            break
        same = target.good() == target.vector
        print(
            f"{found.requests:7d} requests, {len(found.faults)} answers of 5xx, "
            f"{len(found.hung)} hung, resident {resident(target.running.process.pid):.0f} MB, "
            f"slowest {found.slowest:.2f} s, vector {'the same' if same else 'CHANGED'}",
            flush=True,
        )
        if not same:
            break
    return found


def told(found: Found) -> None:
    """Print what came back, by family."""
    families: dict[str, list[str]] = {}
    for (family, status), count in sorted(found.statuses.items()):
        families.setdefault(family, []).append(f"{status}: {count}")
    for family, count in found.closed.items():
        families.setdefault(family, []).append(f"closed: {count}")
    for family, counts in families.items():
        print(f"{family:20s} {', '.join(counts)}")


def main(number: int, seed: int) -> int:
    """Run a campaign; gives the exit status."""
    with (
        tempfile.TemporaryDirectory() as folder,
        started_target(Path(folder), NO_PICTURES, log_level="warning") as target,
    ):
        started = time.monotonic()
        found = asyncio.run(run(target, number, seed))
        alive = target.running.process.poll() is None
        peak = resident(target.running.process.pid, "VmHWM") if alive else float("inf")
        same = alive and target.good() == target.vector
        seconds = time.monotonic() - started
        log = target.running.log
    told(found)
    unasked = found.closed.total() - found.closed["ends in doubt"]
    tracebacks = log.count("Traceback")
    print(
        f"{found.requests} hostile requests in {seconds:.0f} s (seed {seed}): "
        f"{len(found.faults)} answers of 5xx, {len(found.hung)} hung for {DEADLINE:.0f} s, "
        f"{unasked} closed without an answer; the server {'lives' if alive else 'ENDED'}, "
        f"resident at most {peak:.0f} MB (bound {RESIDENT_MEGABYTES}), {tracebacks} tracebacks; "
        f"vector {'the same' if same else 'CHANGED'}"
    )
    for hostile in [*found.faults, *found.hung][:5]:
        print(hostile.family, hostile.sent[:300])
    bad = len(found.faults) + len(found.hung) + unasked + tracebacks
    return int(bad > 0 or not same or peak > RESIDENT_MEGABYTES)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
