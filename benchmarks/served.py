"""Requests over HTTP, one at a time, and the memory of a server after many."""

from contextlib import closing
from functools import partial
from itertools import cycle, islice
from typing import Final

from benchmarks.material import CLIP, STARTER, Material
from benchmarks.server import served
from benchmarks.timing import Pace, in_turns
from benchmarks.wire import Connection, get, img_embed, post_json
from tests.support.server.processes import resident

ROUNDS: Final = 25
MIXED: Final = 1000
PHOTOS: Final = ("0.3", "2", "12")
"""Megapixels."""


def section(material: Material, pace: Pace) -> str:
    """Requests and memory of a server with the CLIP, and of one with `starter`."""
    parts = [_server(material, name, pace) for name in (CLIP, STARTER)]
    return "\n".join(["## Over HTTP", "", *parts])


def _server(material: Material, name: str, pace: Pace) -> str:
    rounds, count = pace.rounds(ROUNDS), pace.rounds(MIXED)
    with (
        served(material, name) as (running, key),
        closing(Connection(running.address)) as connection,
    ):
        photos = {size: material.photos[size, "JPEG"].read_bytes() for size in PHOTOS}
        text = post_json("/api/ai/embed", key, {"text": "a photo of a cat"}).written
        images = {
            f"{size} MP JPEG": img_embed(key, photo).written for size, photo in photos.items()
        }
        timed = in_turns(
            {
                "`/health`": partial(connection.ask, get("/health").written),
                "a refused key": partial(connection.ask, get("/imgembed?key=no").written, 401),
                "a text": partial(connection.ask, text),
                **{name: partial(connection.ask, image) for name, image in images.items()},
            },
            rounds,
        )
        before = resident(running.process.pid)
        for request in islice(cycle([text, *images.values()]), count):
            connection.ask(request)
        after = resident(running.process.pid)
    return "\n".join(
        [
            f"### A server with `{name}`",
            "",
            f"One client, ms: median (quartiles) of {rounds} rounds.",
            "",
            "| request | ms |",
            "|---|---|",
            *(f"| {asked} | {taken} |" for asked, taken in timed.items()),
            "",
            f"Resident: {before:.0f} MB, and {after:.0f} MB after {count} more "
            "mixed requests (a text, 0.3, 2 and 12 megapixels in turns).",
            "",
        ]
    )
