"""docs/scale.md: tables and pictures of the simulated rates."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.scale.platform import (
    CONSUMER_IMAGES,
    DEFAULT_CONCURRENCY,
    NEW_ACCOUNT_CONCURRENCY,
    TABLE_WRITES,
)
from benchmarks.scale.simulate import Outcome, Times, simulate
from imgvec.cost import COLD_SECONDS, Workload, bill

RATES: Final = (10, 30, 100, 300, 1_000, 3_000, 10_000)
HEADROOM: Final = 0.8
"""Of what an account's concurrency can answer: where the stage's throttle should stand."""
SPREAD: Final = 0.25
RAISED: Final = 3_000
"""What an account is usually given when it asks."""

TEXT: Final = Path(__file__).with_name("page.md")


@dataclass(frozen=True, slots=True)
class Account:
    """How many executions AWS allows at a time."""

    name: str
    concurrency: int


ACCOUNTS: Final = (
    Account("a new account", NEW_ACCOUNT_CONCURRENCY),
    Account("the default", DEFAULT_CONCURRENCY),
    Account("a raised limit", RAISED),
)


def page() -> str:
    """The whole page."""
    work = Workload(1_000_000, 2.0)
    times = Times(work.function_ms / 1000, SPREAD, COLD_SECONDS)
    results = {
        account: [_outcome(rate, times, account.concurrency) for rate in RATES]
        for account in ACCOUNTS
    }
    waiting = Workload(1_000_000, 2.0, via="url").function_ms / work.function_ms
    facts = {
        "answer": work.function_ms,
        "spread": SPREAD,
        "init": times.init,
        "new": _stage_rate(times, NEW_ACCOUNT_CONCURRENCY),
        "usual": _stage_rate(times, DEFAULT_CONCURRENCY),
        "rise": 1000 / (times.init + times.answer),
        "table": TABLE_WRITES / 2,
        "consumer": CONSUMER_IMAGES,
        "waiting": waiting,
    }
    tables = [_table(account, outcomes) for account, outcomes in results.items()]
    return TEXT.read_text().format(**facts, pictures=_pictures(results), tables="\n".join(tables))


def _stage_rate(times: Times, concurrency: int) -> float:
    return HEADROOM * concurrency / times.answer


def _outcome(rate: float, times: Times, concurrency: int) -> Outcome:
    return simulate(rate, times, concurrency, _stage_rate(times, concurrency))


def _table(account: Account, outcomes: Sequence[Outcome]) -> str:
    lines = [
        f"## {account.name.capitalize()}: {account.concurrency:,} at a time",
        "",
        "| images a second | environments | cold | p50 / p99 ms in the first minute | after it "
        "| 429 | 500 | table writes a second | $ an hour |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for rate, outcome in zip(RATES, outcomes, strict=True):
        answered = len(outcome.rise) + len(outcome.settled)
        share = answered / outcome.arrived
        hourly = sum(line.dollars for line in bill(Workload(round(rate * 3600 * share), 2.0)))
        cells = [
            f"{rate:,}",
            f"{outcome.environments:,}",
            f"{outcome.cold / answered:.2%}",
            f"{outcome.rise_ms(0.5):.0f} / {outcome.rise_ms(0.99):.0f}",
            f"{outcome.settled_ms(0.5):.0f} / {outcome.settled_ms(0.99):.0f}",
            f"{outcome.refused / outcome.arrived:.1%}",
            f"{outcome.throttled / outcome.arrived:.2%}",
            f"{2 * rate * share:,.0f}",
            f"{hourly:,.2f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _pictures(results: dict[Account, list[Outcome]]) -> str:
    """Answered share by rate, one line an account, as Mermaid draws it."""
    axis = ", ".join(f'"{rate}"' for rate in RATES)
    lines = [
        "```mermaid",
        "xychart-beta",
        '    title "Answered, % of what arrives: new account, default, raised limit"',
        f'    x-axis "images a second" [{axis}]',
        '    y-axis "%" 0 --> 100',
    ]
    for outcomes in results.values():
        shares = (100 * (len(one.rise) + len(one.settled)) / one.arrived for one in outcomes)
        lines.append(f"    line [{', '.join(f'{share:.1f}' for share in shares)}]")
    return "\n".join([*lines, "```", ""])
