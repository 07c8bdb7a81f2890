"""Requests over HTTP, one at a time, and the memory of a server after many."""

from contextlib import closing
from functools import partial
from itertools import cycle, islice
from typing import Final

from imgvec_benchmarks.material import CLIP, STARTER, Material
from imgvec_benchmarks.server import resident, served
from imgvec_benchmarks.timing import Pace, in_turns
from imgvec_benchmarks.wire import Connection, get, img_embed, post_json

ROUNDS: Final = 25
MIXED: Final = 1000
PHOTOS: Final = ("0.3", "2", "12")  # megapixels


def section(material: Material, pace: Pace) -> str:
    """Requests and memory of a server with the CLIP, and of one with `starter`."""
    parts = [_server(material, name, pace) for name in (CLIP, STARTER)]
    return "\n".join(["## Over HTTP", "", *parts])


def _server(material: Material, name: str, pace: Pace) -> str:
    rounds, count = pace.rounds(ROUNDS), pace.rounds(MIXED)
    with (
        served(material.models, name) as (running, key),
        closing(Connection(running.address)) as connection,
    ):
        text = post_json("/api/ai/embed", key, {"text": "a photo of a cat"}).written
        images = {f"{size} MP JPEG": img_embed(key, material.jpeg(size)).written for size in PHOTOS}
        work = {
            "`/health`": partial(connection.ask, get("/health").written),
            "a rejected key": partial(connection.ask, get("/imgembed?key=no").written, 401),
            **{
                name: partial(connection.ask, one)
                for name, one in {"a text": text, **images}.items()
            },
        }
        timed = in_turns(work, rounds)
        before = resident(running.pid)
        for request in islice(cycle([text, *images.values()]), count):
            connection.ask(request)
        after = resident(running.pid)
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
