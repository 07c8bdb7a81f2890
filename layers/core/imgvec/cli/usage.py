"""`imgvec usage` and `imgvec actions`: the images of consumers, and the acts of administrators."""

import csv
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias, get_args

import click
import orjson

from imgvec.accounts.idempotency import IdempotentMeter
from imgvec.accounts.ports import UsageRow
from imgvec.aws.gateway_keys.usage_plans import Stack
from imgvec.cli.options import Cell, Day, open_store, print_table, shown, stack_option
from imgvec.types import day_of, month_start

Grouping: TypeAlias = Literal["day", "dialect", "space"]


@dataclass(frozen=True, slots=True)
class _Line:
    """Answered images of a consumer, of one group if they are grouped."""

    consumer: str
    group: str | None
    images: int


def _add_up(rows: Iterable[UsageRow], by: Grouping | None) -> list[_Line]:
    """One line for each consumer and group, sorted."""
    counted: Counter[tuple[str, str | int | None]] = Counter()
    for row in rows:
        counted[row.consumer, _group(row, by)] += row.images
    ordered = sorted(counted.items(), key=lambda item: (item[0][0], item[0][1] or 0))
    return [
        _Line(consumer, None if group is None else str(group), images)
        for (consumer, group), images in ordered
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

    Each string of a list of texts counts as an image.
    """
    today = day_of(time.time())
    first, last = since or month_start(today), until or today
    with open_store(stack) as store:
        known = [one.name for one in store.list_consumers()]
        if consumer is not None and consumer not in known:
            raise click.ClickException(
                f"There is no consumer {consumer!r}: `imgvec keys list` shows them"
            )
        meter = IdempotentMeter(store, window=0)
        names = known if consumer is None else [consumer]
        lines = _add_up((row for name in names for row in meter.usage(name, first, last)), by)
    rows = [_row(line, by) for line in lines]
    if as_json:
        click.echo(orjson.dumps(rows))
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(_names(by))
        writer.writerows(row.values() for row in rows)
    else:
        total: list[Cell] = ["total", *([""] if by else []), sum(line.images for line in lines)]
        print_table(_names(by), [*(list(row.values()) for row in rows), total])


def _names(by: Grouping | None) -> list[str]:
    return ["consumer", *([by] if by else []), "images"]


def _row(line: _Line, by: Grouping | None) -> dict[str, Cell]:
    cells: list[Cell] = [line.consumer, *([line.group] if by else []), line.images]
    return dict(zip(_names(by), cells, strict=True))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
@stack_option()
def actions(as_json: bool, stack: Stack | None) -> None:
    """List all changes of keys and plans with operator and time, oldest first."""
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
