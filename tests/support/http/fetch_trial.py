"""Fetches every row of the table on an island, and prints what happened as JSON."""

import asyncio
import contextlib
import json
import os
import socket
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from imgvec.errors import AddressRefused, BadParameter, FetchFailed, ImageTooLarge, RequestError
from imgvec.images.fetch.client import Fetcher
from imgvec.images.fetch.urls import parse_allow
from tests.support.http.certificate_authority import make_authority
from tests.support.http.fetch_table import HOSTS, NAMES, PROXY, ROWS, SEARCH, SITE, Row
from tests.support.http.fetch_world import MAX_BYTES, World, world
from tests.support.http.island_network import NAME_SERVER, settle
from tests.support.http.name_server import NameServer, name_server

OUTCOMES: Final[dict[type[RequestError], str]] = {
    AddressRefused: "refused",
    BadParameter: "no URL",
    FetchFailed: "failed",
    ImageTooLarge: "too large",
}
PROXY_VARIABLES: Final = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY")
SILENT: Final = 300
"""Look-ups at once that nobody answers."""


@dataclass
class Trial:
    """What came of a row."""

    outcome: str
    message: str
    visits: list[str]
    """Whom the fetcher connected to."""
    asked: list[str]
    """The names it asked for."""
    seconds: float
    led_to: str | None = None
    """Where an unguarded client arrived, if the row has a lure for it."""


@dataclass
class Flood:
    """What came of look-ups that hang."""

    failed: int
    seconds: float
    threads: int
    """Threads that came while they hung."""
    good: int
    """Bytes that another fetch got meanwhile."""


async def fetched(fetcher: Fetcher, url: str) -> tuple[str, str]:
    """The outcome of a fetch, and what the caller is told."""
    try:
        await fetcher.fetch(url)
    except RequestError as error:
        return OUTCOMES[type(error)], error.message
    return "image", ""


async def try_row(row: Row, fetcher: Fetcher, here: World, names: NameServer) -> Trial:
    """Fetch with the guard; then connect without."""
    names.asked.clear()
    started = time.monotonic()
    outcome, message = await fetched(fetcher, row.url)
    seconds = time.monotonic() - started
    visits = [address for address, _ in await here.noted()]
    trial = Trial(outcome, message, visits, list(names.asked), seconds)
    if row.lure:
        trial.led_to = await asyncio.to_thread(connect, row.lure, row.port)
        assert await here.noted() == ([(trial.led_to, row.port)] if trial.led_to else [])
    return trial


def connect(host: str, port: int) -> str | None:
    """What a client without a guard does; gives the address it reached."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=5) as found:
        address = ip_address(found.getpeername()[0])
        mapped = getattr(address, "ipv4_mapped", None)
        return str(mapped or address)
    return None


async def flood(here: World) -> Flood:
    """Ask for many names whose server never answers, and for one that it knows."""
    before = threading.active_count()
    started = time.monotonic()
    fetcher = Fetcher(allow=frozenset(), timeout=2, max_bytes=MAX_BYTES)
    hanging = [
        asyncio.create_task(fetched(fetcher, "http://silent.example/")) for _ in range(SILENT)
    ]
    await asyncio.sleep(0.5)
    patient = Fetcher(allow=frozenset(), timeout=20, max_bytes=MAX_BYTES)
    good = await patient.fetch("http://other.example/")
    threads = threading.active_count() - before
    outcomes = [outcome for outcome, _ in await asyncio.gather(*hanging)]
    await here.noted()
    return Flood(outcomes.count("failed"), time.monotonic() - started, threads, len(good))


async def main(folder: Path) -> None:
    """Try all; the environment names a proxy all the while."""
    settle(folder, HOSTS, SEARCH)
    os.environ.update(dict.fromkeys(PROXY_VARIABLES, f"http://{PROXY}:3128"))
    authority = make_authority(folder, "DNS:tls.example", f"IP:{SITE}")
    async with name_server(NAMES, NAME_SERVER) as names, world(authority.server) as here:
        trials = []
        for row in ROWS:
            fetcher = Fetcher(
                allow=parse_allow(row.allow),
                timeout=row.timeout,
                max_bytes=MAX_BYTES,
                ssl_context=authority.trust,
            )
            trials.append(asdict(await try_row(row, fetcher, here, names)))
        flooded = asdict(await flood(here))
    print(json.dumps({"rows": trials, "flood": flooded}))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as given:
        asyncio.run(main(Path(given)))
