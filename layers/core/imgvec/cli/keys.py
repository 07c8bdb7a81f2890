"""`imgvec keys`: make, list and revoke API keys. A running server sees the change at once."""

import time
from datetime import UTC, datetime

import click
import orjson

from imgvec.consumers.registry import create_key, revoke_key
from imgvec.settings import load_settings
from imgvec.stores.protocols import KeyRecord
from imgvec.stores.sqlite import SqliteStore


@click.group()
def keys() -> None:
    """Make, list and revoke API keys."""


@keys.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print an object with `key` and `id`.")
def create(name: str, as_json: bool) -> None:
    """Make a key for the consumer NAME and show it, once.

    A consumer may have several keys; a second create adds one. Only the key's SHA-256 is kept.
    """
    created = create_key(_store(), name, time.time())
    if as_json:
        content = {"key": created.key, "id": created.record.key_id, "consumer": name}
        click.echo(orjson.dumps(content))
        return
    click.echo(created.key)
    click.echo(
        f"Key {created.record.key_id} of {name}. It is not stored and will not be shown again.",
        err=True,
    )


@keys.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
def list_(as_json: bool) -> None:
    """Show all keys, oldest first, with what was counted to them."""
    store = _store()
    counted = store.counted()
    rows = [_row(record, counted.get(record.key_id, 0)) for record in store.list_keys()]
    if as_json:
        click.echo(orjson.dumps(rows))
        return
    if not rows:
        click.echo("No keys yet: `imgvec keys create NAME` makes one.", err=True)
        return
    wide = max(len("consumer"), *(len(str(row["consumer"])) for row in rows)) + 2
    click.echo(f"{'id':14}{'consumer':{wide}}{'state':9}{'created':22}{'embeddings':>10}")
    for row in rows:
        click.echo(
            f"{row['id']:14}{row['consumer']:{wide}}{row['state']:9}{row['created']:22}"
            f"{row['embeddings']:>10}"
        )


@keys.command()
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Revoke the key with the id KEY_ID, for good and at once."""
    revoke_key(_store(), key_id, time.time())
    click.echo(f"Key {key_id} is revoked.", err=True)


def _store() -> SqliteStore:
    return SqliteStore(load_settings().data)


def _row(record: KeyRecord, embeddings: int) -> dict[str, str | int]:
    created = datetime.fromtimestamp(record.created, UTC)
    return {
        "id": record.key_id,
        "consumer": record.consumer,
        "state": "active" if record.revoked is None else "revoked",
        "created": created.strftime("%Y-%m-%d %H:%M:%SZ"),
        "embeddings": embeddings,
    }
