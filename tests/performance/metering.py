"""Proofs of the meter at full size; each prints both sides, and fails if they differ.

.venv/bin/python tests/performance/metering.py stampede --store sqlite
.venv/bin/python tests/performance/metering.py kills --store dynamodb --kills 200
.venv/bin/python tests/performance/metering.py http --requests 400 --quota 150 --kills 10
.venv/bin/python tests/performance/metering.py http --inputs 4 --quota 200 --kills 10
.venv/bin/python tests/performance/metering.py revocation --store dynamodb
"""

import argparse
import base64
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import httpx2

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from imgvec.types import Quota
from tests.support.accounts.shared_store import (
    SHORT_HOLD,
    Site,
    ask_all,
    counted,
    prepare,
    site_of,
    verdicts,
)
from tests.support.contract.checks import small_png
from tests.support.server.places import Running, imgvec, start_server, stop_server

# A fork shares nothing that is open here: each process opens its own store.
FORK: Final = multiprocessing.get_context("fork")


def stampede(site: Site, options: argparse.Namespace) -> bool:
    """Many processes at once against one quota."""
    key = prepare(site, Quota(daily=options.quota))
    log = tempfile.mktemp()
    share = options.requests // options.processes
    started = time.perf_counter()
    workers = [
        FORK.Process(
            target=ask_all,
            args=(site, key, range(n * share, (n + 1) * share), log, False, 0.0),
        )
        for n in range(options.processes)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    took = time.perf_counter() - started
    tally = Counter(verdicts(log).values())
    images, left = counted(site)
    print(
        f"stampede {site.kind}: {options.processes} processes, {sum(tally.values())} requests, "
        f"quota {options.quota}: answered {tally['answered']}, refused {tally['402']}, "
        f"counted {images}, reservations left {left} ({took:.1f} s)"
    )
    clean = all(worker.exitcode == 0 for worker in workers)
    return clean and tally["answered"] == images == options.quota and left == 0


def kills(site: Site, options: argparse.Namespace) -> bool:
    """Processes that are killed at random moments; whoever got no answer asks again."""
    key = prepare(site, Quota(daily=options.quota))
    log = tempfile.mktemp()
    dice = random.Random(options.seed)
    total, killed, started = options.requests, 0, time.perf_counter()
    workers: dict[int, Any] = {}

    def launch(number: int) -> None:
        share = range(number, total, options.processes)
        done = verdicts(log)
        rest = [name for name in share if f"n{name}" not in done]
        workers[number] = FORK.Process(
            target=ask_all, args=(site, key, rest or share[:1], log, True, options.work)
        )
        workers[number].start()

    for number in range(options.processes):
        launch(number)
    while killed < options.kills:
        time.sleep(dice.uniform(0.01, options.pause))
        number = dice.randrange(options.processes)
        if workers[number].is_alive():
            os.kill(workers[number].pid, signal.SIGKILL)
            killed += 1
        workers[number].join()
        launch(number)
    for worker in workers.values():
        worker.join()
    before = Counter(verdicts(log).values())
    time.sleep(SHORT_HOLD + 1)
    images, left = counted(site, SHORT_HOLD)
    print(
        f"kills {site.kind}: {killed} processes killed (seed {options.seed}), quota "
        f"{options.quota}, {total} requests"
    )
    print(
        f"  when all had gone: answered {before['answered']}, refused {before['402']}, without an "
        f"answer {total - before.total()}; counted {images}, reservations left {left}"
    )
    # Now each request that has no answer, or was refused while the dead held units, asks again.
    done = verdicts(log)
    rest = [name for name in range(total) if done.get(f"n{name}") != "answered"]
    last = FORK.Process(target=ask_all, args=(site, key, rest, log, True, 0.0))
    last.start()
    last.join()
    after = Counter(verdicts(log).values())
    images, left = counted(site, SHORT_HOLD)
    print(
        f"  when all had asked again: answered {after['answered']}, refused {after['402']}; "
        f"counted {images}, reservations left {left} ({time.perf_counter() - started:.1f} s)"
    )
    expected = min(options.quota, total)
    return after["answered"] == images == expected and left == 0 and killed == options.kills


def http(site: Site, options: argparse.Namespace) -> bool:
    """Servers over one store, of which one after another is killed; clients ask until answered."""
    started = time.perf_counter()
    environment = environment_of(site)
    key = prepare(site, Quota(daily=options.quota))
    servers = [start_server(environment) for _ in range(2)]
    dice = random.Random(options.seed)
    image = {"image": base64.b64encode(small_png()).decode()}
    body = {"model": "voyage-multimodal-3", "input": [image] * options.inputs}

    def ask(number: int) -> int:
        named = {"Idempotency-Key": f"n{number}", "Connection": "close"}
        headers = {"Authorization": f"Bearer {key}", **named}
        while True:
            url = f"{servers[number % len(servers)].address}/v1/embeddings"
            try:
                answer = httpx2.post(url, json=body, headers=headers, timeout=30, trust_env=False)
            except httpx2.HTTPError:
                time.sleep(0.2)
                continue
            if answer.status_code != 429:
                return int(answer.status_code)

    def disturb() -> int:
        for _ in range(options.kills):
            time.sleep(dice.uniform(0.2, 1.0))
            victim = dice.randrange(len(servers))
            servers[victim] = replaced(servers[victim], environment)
        return int(options.kills)

    with ThreadPoolExecutor(17) as pool:
        disturbing = pool.submit(disturb)
        answers = Counter(pool.map(ask, range(options.requests)))
        killed = disturbing.result()
    time.sleep(61 if options.kills else 0)
    images, left = counted(site)
    listed = imgvec("usage", "--json", environment=environment).stdout
    for server in servers:
        stop_server(server)
    print(
        f"http {site.kind}: 16 clients, 2 servers killed {killed} times, {options.requests} "
        f"requests of {options.inputs} images, quota {options.quota}: "
        f"200 {answers[200]}, 402 {answers[402]}, counted {images}, "
        f"reservations left {left}, `imgvec usage` {listed.strip()} "
        f"({time.perf_counter() - started:.1f} s)"
    )
    fit = min(options.quota // options.inputs, options.requests)
    enough = answers[200] == fit and images == fit * options.inputs
    return enough and answers.total() == answers[200] + answers[402] and left == 0


def revocation(site: Site, options: argparse.Namespace) -> bool:
    """How long a running server still takes a key that was revoked."""
    environment = environment_of(site)
    made = json.loads(imgvec("keys", "create", "acme", "--json", environment=environment).stdout)
    server = start_server(environment)
    body, headers = {"text": "a cat"}, {"x-api-key": made["key"]}
    with httpx2.Client(base_url=server.address, timeout=30, trust_env=False) as client:

        def status() -> int:
            return int(client.post("/api/ai/embed", json=body, headers=headers).status_code)

        before = status()
        imgvec("keys", "revoke", made["id"], environment=environment)
        done = time.perf_counter()
        while status() == 200:
            time.sleep(0.01)
        took = time.perf_counter() - done
    stop_server(server)
    limit = 31.0 if site.kind == "dynamodb" else 1.0
    print(f"revocation {site.kind}: refused {took:.2f} s after the command has ended")
    return before == 200 and took < limit


def environment_of(site: Site) -> dict[str, str]:
    """The environment of a server over the store."""
    where = {"IMGVEC_DATA": site.folder, "IMGVEC_LOG_LEVEL": "error"}
    table = {"IMGVEC_TABLE": site.place} if site.kind == "dynamodb" else {}
    return {**os.environ, **where, **table}


def replaced(server: Running, environment: dict[str, str]) -> Running:
    """Kill a server, and start another in its place."""
    server.process.kill()
    server.process.wait()
    server.reader.join()
    if server.process.stdout is not None:
        server.process.stdout.close()
    return start_server(environment)


def main() -> None:
    """Run one proof; exit 1 if it fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("proof", choices=["stampede", "kills", "http", "revocation"])
    parser.add_argument("--store", choices=["sqlite", "dynamodb"], default="sqlite")
    parser.add_argument("--processes", type=int, default=16)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--quota", type=int, default=5_000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=float, default=0.02, help="Longest inference, in seconds.")
    parser.add_argument("--inputs", type=int, default=1, help="Images of a request over HTTP.")
    parser.add_argument("--pause", type=float, default=0.3, help="Longest pause between kills.")
    options = parser.parse_args()
    proofs = {"stampede": stampede, "kills": kills, "http": http, "revocation": revocation}
    with site_of(options.store) as site:
        passed = proofs[options.proof](site, options)
    print("passed" if passed else "FAILED")
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
