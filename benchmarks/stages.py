"""Where the time of one request goes: each stage alone, then the whole over HTTP."""

import os
import tempfile
from collections.abc import Callable
from functools import partial
from typing import Final

import httpx2

from benchmarks.material import CLIP, FORMATS, LIMITS, SIZES, Material
from benchmarks.timing import in_turns
from imgvec.images.decode import decode
from places import Running, create_key, start_server, stop_server
from watching import resident, wait_until_ready

ROUNDS: Final = 25
MIXED: Final = 1000


def section(material: Material) -> str:
    """Stages, requests and memory of a server with the CLIP, and of one with `starter`."""
    return "\n".join([*_decoding(material), *_server(material, CLIP), *_server(material, None)])


def _decoding(material: Material) -> list[str]:
    lines = [
        "## Everything that is not the encoder",
        "",
        f"Bytes to 224 x 224 pixels, one thread, ms: median (quartiles) of {ROUNDS} runs.",
        "",
        f"| megapixels | {' | '.join(FORMATS)} |",
        "|---" * (len(FORMATS) + 1) + "|",
    ]
    for megapixels in SIZES:
        timed = in_turns(
            {
                format: partial(_decode, material.photos[megapixels, format].read_bytes())
                for format in FORMATS
            },
            ROUNDS if megapixels != "48" else 5,
        )
        lines.append(f"| {megapixels} | {' | '.join(map(str, timed.values()))} |")
    return [*lines, ""]


def _decode(data: bytes) -> None:
    decode(data, 224, LIMITS)


def _server(material: Material, name: str | None) -> list[str]:
    """One server, asked by one client; then a thousand mixed requests, and its memory."""
    with tempfile.TemporaryDirectory() as data:
        environment = {**os.environ, "IMGVEC_DATA": data, "IMGVEC_MODELS": str(material.models)}
        if name is not None:
            environment["IMGVEC_ENCODERS"] = name
        key, _ = create_key("bench", environment)
        running = start_server(environment)
        try:
            wait_until_ready(running.address)
            with httpx2.Client(base_url=running.address, timeout=60, trust_env=False) as client:
                return _asked(material, name or "starter", running, client, key)
        finally:
            stop_server(running)


def _asked(
    material: Material, name: str, running: Running, client: httpx2.Client, key: str
) -> list[str]:
    photos = {size: material.photos[size, "JPEG"].read_bytes() for size in ("0.3", "2", "12")}

    def ask(photo: bytes) -> None:
        fields = {"key": key, "dimension": "512"}
        client.post("/imgembed", data=fields, files={"file": photo}).raise_for_status()

    def text() -> None:
        body = {"text": "a photo of a cat"}
        client.post("/api/ai/embed", json=body, headers={"x-api-key": key}).raise_for_status()

    def get(path: str) -> None:
        client.get(path)

    work: dict[str, Callable[[], None]] = {
        "`/health`": partial(get, "/health"),
        "a refused key": partial(get, "/imgembed?key=no"),
        "a text": text,
        **{f"{size} MP JPEG": partial(ask, photo) for size, photo in photos.items()},
    }
    timed = in_turns(work, ROUNDS)
    before = resident(running.process.pid)
    kinds: list[Callable[[], None]] = [text, *(partial(ask, photo) for photo in photos.values())]
    for number in range(MIXED):
        kinds[number % len(kinds)]()
    return [
        f"### A server with `{name}`, over HTTP",
        "",
        "| request | ms |",
        "|---|---|",
        *(f"| {asked} | {taken} |" for asked, taken in timed.items()),
        "",
        f"Resident: {before:.0f} MB, and {resident(running.process.pid):.0f} MB after {MIXED} more "
        "mixed requests (a text, 0.3, 2 and 12 megapixels in turns).",
        "",
    ]
