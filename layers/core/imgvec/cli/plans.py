"""`imgvec plans`: what consumers may do. A running server sees a change at once."""

import re
from typing import Final

import click
import orjson

from imgvec.accounts.prices import DIGITS, exact, price_in
from imgvec.aws.gateway_keys.usage_plans import Stack
from imgvec.cli.options import (
    Cell,
    attach_consumers,
    integer_of,
    number_of,
    open_store,
    print_table,
    registry_of,
    stack_option,
)
from imgvec.types import BURSTS, BYTES, PRICES, QUOTAS, RATES, SPACES, Plan, Quota


class Spaces(click.ParamType[frozenset[int]]):
    """Dimensions as `512,768`."""

    name = "dimensions"

    def convert(
        self,
        value: str | frozenset[int],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> frozenset[int]:
        """Read them."""
        if isinstance(value, frozenset):
            return value
        try:
            spaces = frozenset(int(width) for width in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is no list of dimensions such as 512,768", param, ctx)
        if any(SPACES.within(width) != width for width in spaces):
            self.fail(f"{value!r} is no list of dimensions from 1 to 65536", param, ctx)
        return spaces


_SIZE: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,3})?) ?((?:[kMGT]?B)?)", re.IGNORECASE)
_UNITS: Final = ("b", "kb", "mb", "gb", "tb")


class Bytes(click.ParamType[int]):
    """A number of bytes as `500MB`."""

    name = "bytes"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Read it; units are powers of 1000."""
        if isinstance(value, int):
            return value
        found = _SIZE.fullmatch(value.strip())
        number = float(found[1]) * 1000 ** _UNITS.index(found[2].lower() or "b") if found else 0
        if not found or BYTES.within(number) != number:
            self.fail(f"{value!r} is no number of bytes such as 1GB or 500MB", param, ctx)
        return int(number)


class Price(click.ParamType[int]):
    """A price as `0.0001`, in billionths."""

    name = "price"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Read it."""
        price = value if isinstance(value, int) else price_in(value.strip())
        if price is None or PRICES.within(price) != price:
            self.fail(
                f"{value!r} is no price such as 0.0001, up to 1000 with {DIGITS} decimal places",
                param,
                ctx,
            )
        return price


@click.group()
def plans() -> None:
    """Make, list and assign plans: rate, quota, dimensions and storage of a consumer."""


@plans.command()
@click.argument("name")
@click.option(
    "--rate",
    type=number_of(RATES),
    metavar="R",
    help="Requests a second, on average.",
)
@click.option(
    "--burst",
    type=integer_of(BURSTS),
    metavar="B",
    help="Requests at once. [default: the requests of one second]",
)
@click.option("--daily", type=integer_of(QUOTAS), metavar="N", help="Images of a day (UTC).")
@click.option("--monthly", type=integer_of(QUOTAS), metavar="N", help="Images of a month (UTC).")
@click.option("--spaces", type=Spaces(), metavar="D,D", help="Allowed dimensions, such as 512,768.")
@click.option(
    "--storage",
    type=Bytes(),
    metavar="BYTES",
    help="Bytes of all files of a consumer, such as 1GB.",
)
@click.option(
    "--max-bytes", type=Bytes(), metavar="BYTES", help="Bytes of one image or file, such as 5MB."
)
@click.option(
    "--price",
    type=Price(),
    metavar="P",
    help="Price of one image, such as 0.0001, in your currency.",
)
@click.option("--soft", is_flag=True, help="Count images beyond the quota, and do not reject them.")
@stack_option()
def create(
    name: str,
    rate: float | None,
    burst: int | None,
    daily: int | None,
    monthly: int | None,
    spaces: frozenset[int] | None,
    storage: int | None,
    max_bytes: int | None,
    price: int | None,
    soft: bool,
    stack: Stack | None,
) -> None:
    """Make the plan NAME, or change it for all its consumers.

    Omitted limits are unlimited. An image costs the price that the plan has when the image is
    reserved, so a new price changes no image that was counted before.
    """
    if burst is not None and rate is None:
        raise click.UsageError("--burst needs --rate")
    quota = Quota(daily, monthly)
    plan = Plan(
        name, rate, burst, quota, spaces, soft, storage=storage, max_bytes=max_bytes, price=price
    )
    with open_store(stack) as store:
        registry_of(store).put_plan(plan)
        click.echo(f"Plan {name} is set.", err=True)
        attach_consumers(
            stack, store, [one.name for one in store.list_consumers() if one.plan == name]
        )


@plans.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
@stack_option()
def list_(as_json: bool, stack: Stack | None) -> None:
    """Show all plans, and how many consumers have each."""
    with open_store(stack) as store:
        consumers = store.list_consumers()
        rows = [
            _row(plan, sum(consumer.plan == plan.name for consumer in consumers))
            for plan in store.list_plans()
        ]
    if as_json:
        click.echo(orjson.dumps(rows))
    elif rows:
        print_table(list(rows[0]), [list(row.values()) for row in rows], right=("price",))
    else:
        click.echo("No plans yet: `imgvec plans create NAME` makes one.", err=True)


@plans.command()
@click.argument("name")
@click.argument("plan")
@stack_option()
def assign(name: str, plan: str, stack: Stack | None) -> None:
    """Give the consumer NAME the plan PLAN. It replaces the consumer's old plan."""
    with open_store(stack) as store:
        registry_of(store).assign_plan(name, plan)
        click.echo(f"Consumer {name} has the plan {plan}.", err=True)
        attach_consumers(stack, store, [name])


def _row(plan: Plan, consumers: int) -> dict[str, Cell]:
    spaces = None if plan.spaces is None else ",".join(str(width) for width in sorted(plan.spaces))
    return {
        "name": plan.name,
        "rate": plan.rate,
        "burst": None if plan.rate is None else plan.depth,
        "daily": plan.quota.daily,
        "monthly": plan.quota.monthly,
        "spaces": spaces,
        "storage": plan.storage,
        "max_bytes": plan.max_bytes,
        "price": None if plan.price is None else exact(plan.price),
        "limit": "soft" if plan.soft else "hard",
        "consumers": consumers,
    }
