"""Prints the figures of a running server: start, a 12-megapixel photo, memory after 500 requests.

.venv/bin/python tests/performance/figures.py
"""

import os
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx2

from pictures import photo_jpeg
from places import CAT, create_key, start_server, stop_server


def milliseconds(work: Callable[[], object], rounds: int) -> str:
    """Median and spread of `rounds` calls."""
    work()
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1000)
    return f"median {statistics.median(taken):.1f} ms (min {min(taken):.1f}, max {max(taken):.1f})"


def resident(process: int) -> float:
    """Resident memory of a process, in MB."""
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) / 1000 if found else float("nan")


def wait_until_ready(address: str) -> None:
    """Ask until a real inference has passed."""
    while httpx2.get(f"{address}/ready", trust_env=False).status_code != 200:
        time.sleep(0.01)


def main() -> None:
    """Start a server in a folder of its own, measure, stop it."""
    with tempfile.TemporaryDirectory() as data:
        environment = {**os.environ, "IMGVEC_DATA": data}
        key, _ = create_key("figures", environment)
        started = time.perf_counter()
        running = start_server(environment)
        wait_until_ready(running.address)
        print(f"process start to ready: {time.perf_counter() - started:.2f} s")
        large, small = photo_jpeg(4000, 3000, 90), CAT.read_bytes()
        with httpx2.Client(base_url=running.address, timeout=60, trust_env=False) as client:

            def embed(photo: bytes, width: int = 512) -> None:
                fields = {"key": key, "dimension": str(width)}
                client.post("/imgembed", data=fields, files={"file": photo}).raise_for_status()

            def text() -> None:
                body = {"text": "a photo of a cat"}
                answer = client.post("/api/ai/embed", json=body, headers={"x-api-key": key})
                answer.raise_for_status()

            print(f"resident at the start: {resident(running.process.pid):.0f} MB")
            print(f"{len(large) / 1e6:.1f} MB JPEG, 12 megapixels, bytes to answer over HTTP:")
            print(f"  {milliseconds(lambda: embed(large, 1024), 20)}")
            print(f"0.14 megapixels: {milliseconds(lambda: embed(small), 50)}")
            print(f"text: {milliseconds(text, 50)}")
            for number in range(500):
                if number % 5 == 4:
                    text()
                else:
                    embed(large if number % 5 else small)
            print(f"resident after 500 more requests: {resident(running.process.pid):.0f} MB")
        stop_server(running)


if __name__ == "__main__":
    main()
