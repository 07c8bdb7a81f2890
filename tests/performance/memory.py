"""Resident memory of a server under many images at once, and under downloads that break off.

make memory

`images` runs CoreViz's sample, which asks for all embeddings at once. `downloads` begins to
download a file of 20 MB again and again and hangs up in the middle; then readers ask for it that
read nothing.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import httpx2

from imgvec_benchmarks.server import cpu_seconds, resident, wait_until_ready
from tests.support.http.raw_http import connected
from tests.support.images.pictures import photo_jpeg
from tests.support.server.places import Running, create_key, start_server, stop_server

SAMPLES: Final = Path(__file__).parent.parent / "contract" / "samples"
V2: Final = "/serve/api/v2"
FILE_BYTES: Final = 20_000_000
MOST_RESIDENT: Final = 250.0
"""MB after the downloads."""


@contextmanager
def picture_server(data: bytes) -> Iterator[str]:
    """The address of a listener that answers each path with the same picture."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 100

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def served(**settings: str) -> Iterator[tuple[Running, str]]:
    """A server, and a key that it takes."""
    with tempfile.TemporaryDirectory() as data:
        environment = {
            **os.environ,
            "IMGVEC_DATA": data,
            **settings,
        }
        key, _ = create_key("memory", environment)
        server = start_server(environment)
        try:
            wait_until_ready(server.address)
            yield server, key
        finally:
            stop_server(server)


def memory_of(server: Running) -> str:
    """The memory that a server holds now, and the most until now."""
    process = server.process.pid
    return f"resident {resident(process):.0f} MB, at most {resident(process, 'VmHWM'):.0f} MB"


def images(options: argparse.Namespace) -> bool:
    """CoreViz's sample with many images at once: it ends well if every answer has a vector."""
    side = round((options.megapixels * 1e6 / 12) ** 0.5)
    photo = photo_jpeg(4 * side, 3 * side, 95)
    print(f"{options.count} images of {4 * side} x {3 * side} pixels, {len(photo) / 1e6:.2f} MB")
    with picture_server(photo) as pictures, served(IMGVEC_FETCH_ALLOW=pictures) as (server, key):
        urls = [f"http://{pictures}/{number}.jpg" for number in range(options.count)]
        sample = (SAMPLES / "coreviz_cluster.mjs.txt").read_text()
        search = (SAMPLES / "coreviz_search.mjs.txt").read_text()
        script = "\n".join(
            [
                f"const apiKey = {json.dumps(key)};",
                search.replace("https://lab.coreviz.io", server.address),
                sample.replace("https://lab.coreviz.io", server.address),
                f"const found = await clusterImages({json.dumps(urls)});",
                "console.log(found.flat().length);",
            ]
        )
        started = time.monotonic()
        done = subprocess.run(
            ["node", "--input-type=module", "-"],
            input=script,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.monotonic() - started
        embedded = done.stdout.strip()
        statuses = dict(Counter(re.findall(r"POST /api/ai/embeddings (\d+) ", server.log)))
        computed = cpu_seconds(server.process.pid)
        print(f"{embedded or 0} vectors in {seconds:.1f} s, statuses {statuses};", end=" ")
        print(f"the server computed {computed:.1f} s; {memory_of(server)}")
        print(done.stderr[-500:], end="")
    return embedded == str(options.count)


def downloads(options: argparse.Namespace) -> bool:
    """Downloads that are broken off, and readers that read nothing."""
    with served() as (server, key), ExitStack() as stack:
        kept = httpx2.post(
            f"{server.address}{V2}/upload",
            headers={"Authorization": key},
            files={"file": os.urandom(FILE_BYTES - 1000)},
            timeout=60,
            trust_env=False,
        )
        asset = kept.raise_for_status().json()["data"]["asset_id"]
        print(f"before: {memory_of(server)}")
        asking = f"GET {V2}/{asset}/download HTTP/1.1\r\nHost: a\r\nAuthorization: {key}\r\n\r\n"
        for _ in range(options.rounds):
            with ExitStack() as readers:
                for _ in range(10):
                    reader = readers.enter_context(connected(server.address))
                    reader.sendall(asking.encode())
                    reader.recv(1 << 16)
        time.sleep(1)
        after = resident(server.process.pid)
        print(f"{options.rounds} rounds of 10 downloads broken off: {memory_of(server)}")
        for _ in range(30):
            stack.enter_context(connected(server.address)).sendall(asking.encode())
        time.sleep(2)
        reading = resident(server.process.pid)
        print(f"30 readers that read nothing: {memory_of(server)}")
    return max(after, reading) < MOST_RESIDENT


def main() -> None:
    """Run one proof; exit 1 if it fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("proof", choices=["images", "downloads"])
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--megapixels", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    passed = {"images": images, "downloads": downloads}[options.proof](options)
    print("passed" if passed else "FAILED")
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
