"""`imgvec usage` and `imgvec actions`: the images of consumers, and the acts of administrators."""

import csv
import sys
import time
from datetime import date
from typing import get_args

import click
import orjson

from imgvec.accounts.idempotency import IdempotentMeter
from imgvec.accounts.periods import day_of, month_start
from imgvec.accounts.usage import Grouping, UsageLine, add_up
from imgvec.aws.gateway_keys.usage_plans import Stack
from imgvec.cli.options import Cell, Day, open_store, print_table, shown, stack_option


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
    """Show the answered images of CONSUMER, or of all. Days are those of UTC.

    Each string of a list of texts counts as an image.
    """
    today = day_of(time.time())
    first, last = since or month_start(today), until or today
    with open_store(stack) as store:
        known = [one.name for one in store.list_consumers()]
        if consumer is not None and consumer not in known:
            raise click.ClickException(f"There is no consumer {consumer!r}")
        meter = IdempotentMeter(store, window=0)
        names = known if consumer is None else [consumer]
        lines = add_up((row for name in names for row in meter.usage(name, first, last)), by)
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


def _row(line: UsageLine, by: Grouping | None) -> dict[str, Cell]:
    cells: list[Cell] = [line.consumer, *([line.group] if by else []), line.images]
    return dict(zip(_names(by), cells, strict=True))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
@stack_option()
def actions(as_json: bool, stack: Stack | None) -> None:
    """Show who did what to keys and plans, and when; oldest first."""
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
