"""`imgvec plans`: what consumers may do. A running server sees a change at once."""

import click
import orjson

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
from imgvec.types import BURSTS, QUOTAS, RATES, SPACES, Plan, Quota


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


@click.group()
def plans() -> None:
    """Make, list and assign plans: rate, quota and spaces of a consumer."""


@plans.command()
@click.argument("name")
@click.option(
    "--rate",
    type=number_of(RATES),
    metavar="R",
    help="Requests a second, held over time.",
)
@click.option(
    "--burst",
    type=integer_of(BURSTS),
    metavar="B",
    help="Requests at once, before the rate holds. [default: those of one second]",
)
@click.option("--daily", type=integer_of(QUOTAS), metavar="N", help="Images of a day (UTC).")
@click.option("--monthly", type=integer_of(QUOTAS), metavar="N", help="Images of a month (UTC).")
@click.option("--spaces", type=Spaces(), metavar="D,D", help="Dimensions that may be asked for.")
@click.option("--soft", is_flag=True, help="Only tell of the quota, and never refuse.")
@stack_option()
def create(
    name: str,
    rate: float | None,
    burst: int | None,
    daily: int | None,
    monthly: int | None,
    spaces: frozenset[int] | None,
    soft: bool,
    stack: Stack | None,
) -> None:
    """Make the plan NAME, or change it for all who have it. What is left out is unlimited."""
    if burst is not None and rate is None:
        raise click.UsageError("--burst needs --rate")
    with open_store(stack) as store:
        registry_of(store).put_plan(Plan(name, rate, burst, Quota(daily, monthly), spaces, soft))
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
        print_table(list(rows[0]), [list(row.values()) for row in rows])
    else:
        click.echo("No plans yet: `imgvec plans create NAME` makes one.", err=True)


@plans.command()
@click.argument("name")
@click.argument("plan")
@stack_option()
def assign(name: str, plan: str, stack: Stack | None) -> None:
    """Give the consumer NAME the plan PLAN, in the place of the one it has."""
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
        "limit": "soft" if plan.soft else "hard",
        "consumers": consumers,
    }
