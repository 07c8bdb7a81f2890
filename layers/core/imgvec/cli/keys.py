"""`imgvec keys`: create, list, rotate, disable, enable, revoke, attach, detach."""

import time
from collections import Counter
from datetime import date

import click
import orjson

from imgvec.accounts.deletion import is_active
from imgvec.accounts.ports import KeyRecord
from imgvec.accounts.registry import CreatedKey
from imgvec.aws.gateway_keys.identifiers import states
from imgvec.aws.gateway_keys.usage_plans import Stack
from imgvec.cli.options import (
    NO_KEYS,
    Cell,
    Moment,
    Number,
    attach_consumers,
    identifiers_of,
    open_registry,
    open_store,
    print_table,
    registry_of,
    shown,
    stack_option,
)
from imgvec.stores import identifiers_in


def row_of(record: KeyRecord, plan: str | None, embeddings: int) -> dict[str, Cell]:
    """A line of `keys list`."""
    return {
        "id": record.key_id,
        "consumer": record.consumer,
        "plan": plan,
        "state": _state(record, time.time()),
        "created": shown(record.created),
        "expires": shown(record.expires),
        "used": shown(record.used),
        "embeddings": embeddings,
    }


def _state(record: KeyRecord, now: float) -> str:
    if record.revoked is not None:
        return "revoked"
    if record.expires is not None and now >= record.expires:
        return "expired"
    return "active" if record.disabled is None else "disabled"


@click.command()
@click.argument("consumers", nargs=-1, metavar="[CONSUMER]...")
@stack_option(required=True)
def attach(consumers: tuple[str, ...], stack: Stack) -> None:
    """Give each CONSUMER, or all, its own name at the gateway, in the tier of its plan.

    `keys create` does so for its consumer. This command finishes pending names.
    """
    with open_store(stack) as store:
        active = [one.name for one in store.list_consumers() if is_active(one)]
        attach_consumers(stack, store, consumers or active)


@click.command()
@stack_option(required=True)
def detach(stack: Stack) -> None:
    """Delete the names of all consumers at the gateway. Their keys go on to work.

    `make destroy` runs it, because no stack owns these names and deletes them.
    """
    with open_store(stack) as store:
        found = identifiers_in(store)
        number = 0 if found is None else identifiers_of(stack, store, found).detach()
    click.echo(f"{number} names are deleted.", err=True)


HOUR = 3600.0
MOST_OVERLAP = 10 * 365 * 24.0
"""Hours."""


@click.group()
def keys() -> None:
    """Make, list, rotate, disable and revoke API keys."""


for command in (attach, detach):
    keys.add_command(command)


@keys.command()
@click.argument("name")
@click.option("--plan", metavar="PLAN", help="Give the consumer this plan. [default: unchanged]")
@click.option("--expires", type=Moment(), metavar="DATE", help="Last day (UTC) of the key.")
@click.option("--json", "as_json", is_flag=True, help="Print an object with `key` and `id`.")
@stack_option()
def create(
    name: str, plan: str | None, expires: float | None, as_json: bool, stack: Stack | None
) -> None:
    """Make a key for the consumer NAME and show it, once.

    A consumer may have several keys: a second call adds one. Only the key's SHA-256 is stored. A
    consumer without a plan has no limit. With a stack, the consumer also gets a name of its own at
    the gateway.
    """
    with open_store(stack) as store:
        _show(registry_of(store).create_key(name, plan, expires), as_json)
        attach_consumers(stack, store, [name])


@keys.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
@stack_option()
def list_(as_json: bool, stack: Stack | None) -> None:
    """Show all keys, oldest first, with the number of images counted for each.

    With a stack, also the kind of the consumer's name at the gateway: own, pending or shared.
    """
    with open_store(stack) as store:
        plans = {consumer.name: consumer.plan for consumer in store.list_consumers()}
        counted: Counter[str] = Counter()
        for name in plans:
            for row in store.usage(name, date.min, date.max):
                counted[row.label.key_id] += row.images
        rows = [
            row_of(record, plans.get(record.consumer), counted[record.key_id])
            for record in store.list_keys()
        ]
        found = identifiers_in(store)
        if found is not None:
            known = states(found, {str(row["consumer"]) for row in rows})
            rows = [{**row, "gateway": known[str(row["consumer"])]} for row in rows]
    if as_json:
        click.echo(orjson.dumps(rows))
    elif rows:
        print_table(list(rows[0]), [list(row.values()) for row in rows])
    else:
        click.echo(NO_KEYS, err=True)


@keys.command()
@click.argument("key_id")
@click.option(
    "--overlap",
    default=24.0,
    show_default=True,
    type=Number(min=0, max=MOST_OVERLAP),
    metavar="HOURS",
    help="How long the old key still works.",
)
@click.option("--json", "as_json", is_flag=True, help="Print an object with `key` and `id`.")
@stack_option()
def rotate(key_id: str, overlap: float, as_json: bool, stack: Stack | None) -> None:
    """Make a new key in the place of KEY_ID, and show it, once; both work for a while."""
    with open_registry(stack) as registry:
        _show(registry.rotate_key(key_id, overlap * HOUR), as_json)


@keys.command()
@click.argument("key_id")
@stack_option()
def revoke(key_id: str, stack: Stack | None) -> None:
    """Revoke the key with the id KEY_ID, for good and at once."""
    with open_registry(stack) as registry:
        registry.revoke_key(key_id)
    click.echo(f"Key {key_id} is revoked.", err=True)


@keys.command()
@click.argument("key_id")
@stack_option()
def disable(key_id: str, stack: Stack | None) -> None:
    """Switch the key KEY_ID off, until `keys enable`."""
    with open_registry(stack) as registry:
        registry.disable_key(key_id)
    click.echo(f"Key {key_id} is disabled.", err=True)


@keys.command()
@click.argument("key_id")
@stack_option()
def enable(key_id: str, stack: Stack | None) -> None:
    """Switch the key KEY_ID on again."""
    with open_registry(stack) as registry:
        registry.enable_key(key_id)
    click.echo(f"Key {key_id} is enabled.", err=True)


def _show(created: CreatedKey, as_json: bool) -> None:
    record = created.record
    if as_json:
        content = {"key": created.key, "id": record.key_id, "consumer": record.consumer}
        end = {} if record.expires is None else {"expires": shown(record.expires)}
        click.echo(orjson.dumps({**content, **end}))
        return
    click.echo(created.key)
    click.echo(
        f"Key {record.key_id} of {record.consumer}. It is not stored and will not be shown again.",
        err=True,
    )
