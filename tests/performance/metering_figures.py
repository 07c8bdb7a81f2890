"""What gate and meter cost: time, write units, a consumer's ceiling; and what timing tells.

.venv/bin/python tests/performance/metering_figures.py [--store sqlite|dynamodb] [--rounds 2000]
"""

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import date
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from imgvec.accounts.authentication import Authenticator
from imgvec.accounts.idempotency import IdempotentMeter
from imgvec.accounts.keys import mint
from imgvec.accounts.metering import short_name
from imgvec.accounts.ports import Label, Reservation
from imgvec.accounts.registry import Registry
from imgvec.errors import KeyInvalid
from imgvec.stores.dynamodb import make_client
from imgvec.stores.dynamodb.meter import DynamoMeter
from imgvec.stores.dynamodb.table import Table
from imgvec.types import Quota
from tests.support.accounts.shared_store import CONSUMER, Site, answer, prepare, site_of

WRITE_PRICE = 0.625
"""Dollars for a million write units, on demand, us-east-1."""
PARTITION_UNITS = 1000
"""Write units a second that one partition, and so one item, takes."""


def milliseconds(work: Callable[[], object], rounds: int) -> list[float]:
    """What each of so many calls took."""
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1000)
    return taken


def spread(taken: list[float]) -> str:
    """Median and 99th percentile."""
    last = statistics.quantiles(taken, n=100)[98]
    return f"median {statistics.median(taken):.3f} ms, p99 {last:.3f} ms"


def overhead(site: Site, rounds: int) -> None:
    """What a request spends at the gate and the meter."""
    key = prepare(site, Quota(daily=10_000_000, monthly=100_000_000))
    names = itertools.count()
    with closing(site.open()) as store:
        gate = Authenticator(store, cache_seconds=30 if site.kind == "dynamodb" else 0)
        meter = IdempotentMeter(store, window=3600)

        def whole(idempotent: bool) -> bool:
            return answer(gate, meter, key, f"n{next(names)}", idempotent, 0.0)

        whole(False)
        print(f"overhead, {site.kind}, {rounds} requests one after the other:")
        print(f"  admit: {spread(milliseconds(lambda: gate.authenticate([key]), rounds))}")
        print(f"  admit, reserve, settle: {spread(milliseconds(lambda: whole(False), rounds))}")
        keyed = milliseconds(lambda: whole(True), rounds)
        print(f"  the same with an Idempotency-Key: {spread(keyed)}")


def ceiling(site: Site, seconds: float = 5.0, threads: int = 16) -> None:
    """Images a second of one consumer."""
    key = prepare(site, Quota(daily=10_000_000, monthly=100_000_000))
    with closing(site.open()) as store:
        gate, meter = Authenticator(store, cache_seconds=30), IdempotentMeter(store, window=3600)
        end = time.perf_counter() + seconds

        def ask(number: int) -> int:
            for done in itertools.count():
                if time.perf_counter() > end:
                    return done
                answer(gate, meter, key, f"c{number}-{done}", False, 0.0)
            return 0

        with ThreadPoolExecutor(threads) as pool:
            images = sum(pool.map(ask, range(threads)))
    print(f"one consumer, {site.kind}, {threads} threads here: {images / seconds:.0f} images/s")


def capacity(table: str) -> None:
    """Write units that the emulator says an image consumes, with more and more in flight."""
    consumed: list[float] = []
    client: Any = make_client()
    client.meta.events.register("provide-client-params.dynamodb", _ask_for_capacity)
    client.meta.events.register(
        "after-call.dynamodb",
        lambda parsed, **_: consumed.extend(
            [parsed["ConsumedCapacity"]["CapacityUnits"]] if "ConsumedCapacity" in parsed else []
        ),
    )
    meter = DynamoMeter(Table(client, table))
    label, day = Label("k_1a2B3c4D5e", "memories.ai", 1024), date(2026, 2, 28)
    print("write units of an image (reserve, settle), by holds in flight beside it:")
    for number in range(60):
        meter.reserve(
            Reservation("acme-photos", short_name(f"h{number}"), day, 1.8e9), Quota(1000), 0.0
        )
        if number % 10 in (0, 5):
            consumed.clear()
            extra = Reservation("acme-photos", short_name("extra"), day, 1.8e9)
            meter.reserve(extra, Quota(daily=1000), 0.0)
            meter.settle(extra, label)
            cost = sum(consumed) * WRITE_PRICE
            print(f"  {number + 1}: {consumed}, ${cost:.2f} per million images")
    client.close()


def _ask_for_capacity(params: dict[str, object], **_: object) -> None:
    params["ReturnConsumedCapacity"] = "TOTAL"


def timing(site: Site, rounds: int) -> None:
    """Whether the time of a refusal tells an unknown key from a revoked one."""
    prepare(site, None)
    with closing(site.open()) as store:
        registry = Registry(store, "proof")
        revoked = [registry.create_key(CONSUMER) for _ in range(200)]
        for created in revoked:
            registry.revoke_key(created.record.key_id)
        gate = Authenticator(store)
        unknown = [mint() for _ in range(200)]
        samples: dict[str, list[float]] = {"unknown": [], "revoked": [], "mistyped": []}
        for number in range(rounds):
            shown = {
                "unknown": unknown[number % 200],
                "revoked": revoked[number % 200].key,
                "mistyped": unknown[number % 200][:-1] + "!",
            }
            for kind, key in shown.items():
                with suppress(KeyInvalid):
                    started = time.perf_counter()
                    gate.authenticate([key])
                samples[kind].append((time.perf_counter() - started) * 1000)
    print(f"refusals, {site.kind}, {rounds} of each in turn:")
    for kind, taken in samples.items():
        print(f"  {kind}: {spread(taken)}")


def main() -> None:
    """Print all figures of a store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=["sqlite", "dynamodb"], default="sqlite")
    parser.add_argument("--rounds", type=int, default=2000)
    options = parser.parse_args()
    with site_of(options.store) as site:
        overhead(site, options.rounds)
        ceiling(site)
        timing(site, options.rounds)
        if site.kind == "dynamodb":
            capacity(site.place)
            print(
                f"AWS's limit: {PARTITION_UNITS} units/s an item, {PARTITION_UNITS // 2} images/s"
            )


if __name__ == "__main__":
    main()
