"""Lists of images beside single requests, on a server with a CLIP of the true shape.

    PYTHONPATH=.:benchmarks python tests/performance/lists.py

Images a second of four connections with lists of four and of 16 connections with one image each, in
turns; resident memory with a list of 96 under way; and the wait of another consumer's single image
beside such lists. The CLIP is made once, in some minutes, in `.cache/bench`.
"""

import base64
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from imgvec_benchmarks.material import CLIP, prepare
from imgvec_benchmarks.server import environment_of, resident
from imgvec_benchmarks.timing import rate_of
from imgvec_benchmarks.wire import Connection, post_json
from tests.support.server.places import create_key, serving

SECONDS: Final = 8.0
TURNS: Final = 5
MANY: Final = 96


def asked(key: str, photo: bytes, count: int) -> bytes:
    """A request for so many images, at 512 dimensions."""
    image = {"image": base64.b64encode(photo).decode()}
    content = {"model": CLIP, "dimensions": 512, "input": [image] * count}
    return post_json("/v1/embeddings", key, content).written


def images_a_second(address: str, request: bytes, connections: int, images: int) -> float:
    """So many connections, each asking anew when it is answered."""
    with ExitStack() as stack:
        opened = [stack.enter_context(closing(Connection(address))) for _ in range(connections)]
        return images * rate_of([partial(one.ask, request) for one in opened], SECONDS)


def waits(address: str, request: bytes, count: int) -> list[float]:
    """Milliseconds of single requests, one after the other."""
    with closing(Connection(address)) as connection:
        found = []
        for _ in range(count):
            began = time.perf_counter()
            connection.ask(request)
            found.append((time.perf_counter() - began) * 1000)
    return found


def while_asking(address: str, request: bytes, work: Callable[[], None]) -> None:
    """Run `work` while two connections keep asking."""
    stop = threading.Event()

    def ask() -> None:
        with closing(Connection(address)) as connection:
            while not stop.is_set():
                connection.ask(request)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    work()
    stop.set()
    for thread in threads:
        thread.join()


def main() -> None:
    """Print the figures."""
    material = prepare()
    photo = material.jpeg("0.3")
    with tempfile.TemporaryDirectory() as data:
        environment = environment_of(Path(data), material.models, CLIP)
        key, _ = create_key("one", environment)
        other, _ = create_key("other", environment)
        print_speed(environment, asked(key, photo, 1), asked(key, photo, 4))
        print_waits(environment, asked(key, photo, MANY), asked(other, photo, 1))


def print_speed(environment: dict[str, str], one: bytes, four: bytes) -> None:
    with serving(environment) as running:
        ratios = []
        for turn in range(TURNS):
            single = images_a_second(running.address, one, 16, 1)
            listed = images_a_second(running.address, four, 4, 4)
            ratios.append(listed / single)
            print(f"turn {turn + 1}: {single:.1f} images a second alone, {listed:.1f} in lists")
        print(f"lists of four over four connections: {median(ratios):.2f} times single requests")


def print_waits(environment: dict[str, str], many: bytes, one: bytes) -> None:
    with serving(environment) as running:
        address, process = running.address, running.process.pid
        alone = waits(address, one, 30)
        before = resident(process, "VmHWM")
        waits(address, many, 2)
        after = resident(process, "VmHWM")
        print(f"resident: {before:.0f} MB with one image, {after:.0f} at most with {MANY}")
        beside: list[float] = []
        while_asking(address, many, lambda: beside.extend(waits(address, one, 30)))
        print(f"another's image, median ms: {median(alone):.0f}, beside lists {median(beside):.0f}")


if __name__ == "__main__":
    main()
