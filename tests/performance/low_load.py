"""What waiting for company costs where there is hardly any: arrivals at random, by turns.

    PYTHONPATH=. python tests/performance/low_load.py FOLDER

FOLDER is an encoder's. On a busy machine, as root, begin it with `chrt --rr 10`: what else runs
then has the processors when the bench leaves them.
"""

import argparse
from pathlib import Path
from typing import Final

from imgvec.settings import Settings
from tests.support.server.endpoint_load import Latency, Serving, poisson, serving, throughput

SHARE: Final = 0.1
"""Of what the process can do; more of it is no low load."""
ONE_BY_ONE: Final = {"IMGVEC_BATCH_SIZE": "1", "IMGVEC_BATCH_WAIT": "0"}


def at_low_load(
    alone: Serving, both: Serving, rate: float, requests: int, turns: int
) -> dict[str, Latency]:
    """Latencies at `rate` a second, of so many requests in each of the turns.

    The two answer the same arrivals, one after the other, and each goes first in every other turn.
    """
    named = [("one by one", alone), ("batches", both)]
    seconds: dict[str, list[float]] = {name: [] for name, _ in named}
    for turn in range(turns):
        for name, one in named if turn % 2 else reversed(named):
            seconds[name] += poisson(one.invoke, rate, requests, seed=turn)
    return {name: Latency.of(all_of_them) for name, all_of_them in seconds.items()}


def main() -> None:
    """Print them for the encoder that is named."""
    parser = argparse.ArgumentParser(description="Latencies at low load, batching or not.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--requests", type=int, default=100, help="in each turn")
    parser.add_argument("--turns", type=int, default=10)
    chosen = parser.parse_args()
    with serving(chosen.folder, **ONE_BY_ONE) as alone, serving(chosen.folder) as both:
        most, _ = throughput(alone, 32, 2)
        found = at_low_load(alone, both, SHARE * most, chosen.requests, chosen.turns)
    for name, latency in found.items():
        print(f"  {SHARE * most:.1f} a second, {name:10}: {latency}")
    more = found["batches"].p99 - found["one by one"].p99
    print(f"  p99 in batches: {more:+.2f} ms; may wait {Settings().batch_wait:.0f} ms")


if __name__ == "__main__":
    main()
