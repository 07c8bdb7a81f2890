"""`imgvec actions`: what administrators did."""

import click
import orjson

from imgvec.aws.gateway_keys.outputs import Stack
from imgvec.cli.moments import shown
from imgvec.cli.stack import stack_option
from imgvec.cli.store import open_store
from imgvec.cli.table import print_table


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
