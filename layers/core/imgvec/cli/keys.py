"""`imgvec keys`: API keys. A running server sees a change at once."""

import time
from datetime import date

import click
import orjson

from imgvec.cli.moments import Moment, shown
from imgvec.cli.store import open_registry, open_store
from imgvec.cli.table import Cell, print_table
from imgvec.consumers.registry import CreatedKey
from imgvec.consumers.usage import by_key
from imgvec.stores.protocols import KeyRecord

HOUR = 3600.0


@click.group()
def keys() -> None:
    """Make, list, rotate, disable and revoke API keys."""


@keys.command()
@click.argument("name")
@click.option("--plan", metavar="PLAN", help="Give the consumer this plan. [default: unchanged]")
@click.option("--expires", type=Moment(), metavar="DATE", help="Last day (UTC) of the key.")
@click.option("--json", "as_json", is_flag=True, help="Print an object with `key` and `id`.")
def create(name: str, plan: str | None, expires: float | None, as_json: bool) -> None:
    """Make a key for the consumer NAME and show it, once.

    A consumer may have several keys; a second create adds one. Only the key's SHA-256 is kept. A
    consumer without a plan has no limit.
    """
    with open_registry() as registry:
        _show(registry.create_key(name, plan, expires), as_json)


@keys.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
def list_(as_json: bool) -> None:
    """Show all keys, oldest first, with what was counted to them."""
    with open_store() as store:
        plans = {consumer.name: consumer.plan for consumer in store.list_consumers()}
        counted = by_key(row for name in plans for row in store.usage(name, date.min, date.max))
        rows = [
            _row(record, plans.get(record.consumer), counted[record.key_id])
            for record in store.list_keys()
        ]
    if as_json:
        click.echo(orjson.dumps(rows))
    elif rows:
        print_table(list(rows[0]), [list(row.values()) for row in rows])
    else:
        click.echo("No keys yet: `imgvec keys create NAME` makes one.", err=True)


@keys.command()
@click.argument("key_id")
@click.option(
    "--overlap",
    default=24.0,
    show_default=True,
    type=click.FloatRange(min=0),
    metavar="HOURS",
    help="How long the old key still works.",
)
@click.option("--json", "as_json", is_flag=True, help="Print an object with `key` and `id`.")
def rotate(key_id: str, overlap: float, as_json: bool) -> None:
    """Make a new key in the place of KEY_ID, and show it, once; both work for a while."""
    with open_registry() as registry:
        _show(registry.rotate_key(key_id, overlap * HOUR), as_json)


@keys.command()
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Revoke the key with the id KEY_ID, for good and at once."""
    with open_registry() as registry:
        registry.revoke_key(key_id)
    click.echo(f"Key {key_id} is revoked.", err=True)


@keys.command()
@click.argument("key_id")
def disable(key_id: str) -> None:
    """Switch the key KEY_ID off, until `keys enable`."""
    with open_registry() as registry:
        registry.disable_key(key_id)
    click.echo(f"Key {key_id} is disabled.", err=True)


@keys.command()
@click.argument("key_id")
def enable(key_id: str) -> None:
    """Switch the key KEY_ID on again."""
    with open_registry() as registry:
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


def _row(record: KeyRecord, plan: str | None, embeddings: int) -> dict[str, Cell]:
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
