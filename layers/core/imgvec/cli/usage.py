"""`imgvec usage` and `imgvec actions`: the images of consumers, and the acts of administrators."""

import csv
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias, get_args

import click
import orjson

from imgvec.accounts.idempotency import IdempotentMeter
from imgvec.accounts.ports import UsageRow
from imgvec.accounts.prices import Tariff, exact
from imgvec.accounts.statements import amount_of
from imgvec.aws.gateway_keys.usage_plans import Stack
from imgvec.cli.options import (
    Cell,
    Day,
    named_consumers,
    open_store,
    print_table,
    shown,
    stack_option,
)
from imgvec.types import day_of, month_start

Grouping: TypeAlias = Literal["day", "dialect", "space"]


@dataclass(frozen=True, slots=True)
class _Line:
    """Answered images of a consumer, of one group if they are grouped."""

    consumer: str
    group: str | None
    counted: Counter[Tariff | None]

    @property
    def amount(self) -> str | None:
        """The exact amount; None if no image has a price."""
        amount = amount_of(self.counted.items())
        return None if amount is None else exact(amount)


def _add_up(rows: Iterable[UsageRow], by: Grouping | None) -> list[_Line]:
    """One line for each consumer and group, sorted."""
    found: defaultdict[tuple[str, str | int | None], Counter[Tariff | None]] = defaultdict(Counter)
    for row in rows:
        found[row.consumer, _group(row, by)][row.label.tariff] += row.images
    ordered = sorted(found.items(), key=lambda item: (item[0][0], item[0][1] or 0))
    return [
        _Line(consumer, None if group is None else str(group), counted)
        for (consumer, group), counted in ordered
    ]


def _group(row: UsageRow, by: Grouping | None) -> str | int | None:
    match by:
        case "day":
            return row.day.isoformat()
        case "dialect":
            return row.label.dialect
        case "space":
            return row.label.space
        case None:
            return None


@click.command()
@click.argument("consumer", required=False)
@click.option("--since", type=Day(), metavar="DAY", help="First day. [default: of this month]")
@click.option("--until", type=Day(), metavar="DAY", help="Last day. [default: today]")
@click.option("--by", type=click.Choice(get_args(Grouping)), help="A line for each of these.")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
@click.option("--csv", "as_csv", is_flag=True, help="Print lines of comma-separated values.")
@stack_option()
def usage(
    consumer: str | None,
    since: date | None,
    until: date | None,
    by: Grouping | None,
    as_json: bool,
    as_csv: bool,
    stack: Stack | None,
) -> None:
    """Show the number of answered images of CONSUMER, or of all. Days are UTC.

    Each string of a list of texts counts as an image. Where images have a price, their exact
    amounts are shown too.
    """
    today = day_of(time.time())
    first, last = since or month_start(today), until or today
    with open_store(stack) as store:
        meter = IdempotentMeter(store, window=0)
        names = named_consumers(store, consumer)
        lines = _add_up((row for name in names for row in meter.usage(name, first, last)), by)
    total = _Line("total", "", sum((line.counted for line in lines), Counter()))
    columns = ["consumer", *([by] if by else []), "images"]
    columns += ["amount"] if total.amount is not None else []
    rows = [_row(line, columns) for line in lines]
    if as_json:
        click.echo(orjson.dumps(rows))
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(row.values() for row in rows)
    else:
        rows.append(_row(total, columns))
        print_table(columns, [list(row.values()) for row in rows], right=("amount",))


def _row(line: _Line, columns: list[str]) -> dict[str, Cell]:
    cells: dict[str, Cell] = {
        "consumer": line.consumer,
        "images": line.counted.total(),
        "amount": line.amount,
    }
    return {name: cells.get(name, line.group) for name in columns}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
@stack_option()
def actions(as_json: bool, stack: Stack | None) -> None:
    """List all changes of keys, plans and consumers, with operator and time, oldest first."""
    with open_store(stack) as store:
        done = store.list_actions()
    rows = [
        {"when": shown(one.when), "who": one.who, "what": one.what, "about": one.about}
        for one in done
    ]
    if as_json:
        click.echo(orjson.dumps(rows))
    else:
        print_table(["when", "who", "what", "about"], [list(row.values()) for row in rows])
