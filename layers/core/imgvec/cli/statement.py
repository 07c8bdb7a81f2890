"""`imgvec statement`: a consumer's month by plan and price, to the cent."""

import csv
import sys
import time
from datetime import date

import click
import orjson

from imgvec.accounts.idempotency import IdempotentMeter
from imgvec.accounts.prices import exact, in_cents
from imgvec.accounts.statements import Statement, StatementLine, statement_of
from imgvec.aws.gateway_keys.usage_plans import Stack
from imgvec.cli.options import (
    Cell,
    Month,
    named_consumers,
    open_store,
    print_table,
    stack_option,
)
from imgvec.types import ONE_DAY, day_of, month_last, month_start


@click.command()
@click.argument("consumer", required=False)
@click.option("--month", type=Month(), metavar="MONTH", help="As 2026-11. [default: last month]")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
@click.option("--csv", "as_csv", is_flag=True, help="Print lines of comma-separated values.")
@stack_option()
def statement(
    consumer: str | None, month: date | None, as_json: bool, as_csv: bool, stack: Stack | None
) -> None:
    """Show what CONSUMER, or each consumer, owes for a month (UTC).

    An image costs the price that the consumer's plan had when the image was reserved. Amounts of
    lines are exact. The total is their exact sum, rounded once to the cent; half a cent goes to
    the even cent. Consumers without images in the month are left out.
    """
    today = day_of(time.time())
    first = month or month_start(month_start(today) - ONE_DAY)
    with open_store(stack) as store:
        meter = IdempotentMeter(store, window=0)
        found = [
            statement_of(name, first, meter.usage(name, first, month_last(first)))
            for name in named_consumers(store, consumer)
        ]
    statements = [one for one in found if one.lines]
    if as_json:
        click.echo(orjson.dumps([_object(one) for one in statements]))
    elif as_csv:
        _write_csv(statements)
    else:
        for one in statements:
            _print(one)
    if not statements:
        click.echo(f"No images were counted in {_month(first)}.", err=True)


def _print(one: Statement) -> None:
    click.echo(f"Statement of {one.consumer} for {_month(one.month)}\n")
    rows = [list(_cells(line).values()) for line in one.lines]
    total: list[Cell] = ["total", None, None, None, one.images, _total(one)]
    print_table(list(_cells(one.lines[0])), [*rows, total], right=("price", "amount"))
    click.echo()


def _object(one: Statement) -> dict[str, object]:
    return {
        "consumer": one.consumer,
        "month": _month(one.month),
        "lines": [_cells(line) for line in one.lines],
        "images": one.images,
        "total": _total(one),
    }


def _write_csv(statements: list[Statement]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(
        ["kind", "consumer", "month", "plan", "price", "first", "last", "images", "amount"]
    )
    for one in statements:
        about = (one.consumer, _month(one.month))
        writer.writerows(("line", *about, *_cells(line).values()) for line in one.lines)
        writer.writerow(("total", *about, "", "", "", "", one.images, _total(one)))


def _cells(line: StatementLine) -> dict[str, Cell]:
    tariff, amount = line.tariff, line.amount
    return {
        "plan": None if tariff is None else tariff.plan,
        "price": None if tariff is None else exact(tariff.price),
        "first": line.first.isoformat(),
        "last": line.last.isoformat(),
        "images": line.images,
        "amount": None if amount is None else exact(amount),
    }


def _total(one: Statement) -> str | None:
    return None if one.amount is None else in_cents(one.amount)


def _month(first: date) -> str:
    return first.isoformat()[:7]
