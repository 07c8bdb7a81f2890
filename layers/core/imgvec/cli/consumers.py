"""`imgvec consumers`: the accounts that pay, their data in one archive, and their deletion."""

from datetime import date
from pathlib import Path

import click
import orjson

from imgvec.accounts.deletion import KEPT
from imgvec.accounts.prices import exact
from imgvec.assets.service import Assets
from imgvec.aws.gateway_keys.identifiers import states
from imgvec.aws.gateway_keys.usage_plans import Stack
from imgvec.cli.assets import open_files
from imgvec.cli.deletion import Deletion
from imgvec.cli.export import export as write_archive
from imgvec.cli.options import (
    Cell,
    escaped,
    identifiers_of,
    named_consumers,
    open_store,
    print_table,
    registry_of,
    stack_option,
)
from imgvec.errors import StackError
from imgvec.stores import TABLE_CACHE_SECONDS, Store, identifiers_in
from imgvec.types import Consumer


@click.group()
def consumers() -> None:
    """List consumers, export their data, and delete them."""


@consumers.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
@stack_option()
def list_(as_json: bool, stack: Stack | None) -> None:
    """Show all consumers, also those that are deleted and whose usage is kept."""
    with open_store(stack) as store:
        keys = [key.consumer for key in store.list_keys()]
        rows: list[dict[str, Cell]] = [
            {
                "name": one.name,
                "state": _state(one),
                "plan": one.plan,
                "keys": keys.count(one.name),
                "images": _images(store, one.name),
                "bytes": store.stored_bytes(one.name),
            }
            for one in store.list_consumers()
        ]
    if as_json:
        click.echo(orjson.dumps(rows))
    elif rows:
        print_table(list(rows[0]), [list(row.values()) for row in rows])
    else:
        click.echo("No consumers yet: `imgvec keys create NAME` makes one.", err=True)


@consumers.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print an object.")
@stack_option()
def show(name: str, as_json: bool, stack: Stack | None) -> None:
    """Show all that is stored of the consumer NAME, in numbers."""
    with open_files(stack) as (store, _):
        facts = _facts(store, _consumer(store, name))
    if as_json:
        click.echo(orjson.dumps(facts))
    else:
        print_table(["of", name], list(facts.items()))


@consumers.command()
@click.argument("name")
@click.option("--output", metavar="FILE", help="The archive. [default: NAME.zip]")
@stack_option()
def export(name: str, output: str | None, stack: Stack | None) -> None:
    """Write all data of the consumer NAME into one ZIP archive.

    It has the plan, the keys (without the keys themselves and their digests), usage by day, files
    with their bytes, idempotency records, the name at the gateway, and the entries of the audit log
    about the consumer. Files of lines are JSON. Only you can read the archive.
    """
    target = Path(output or f"{name}.zip")
    with open_files(stack) as (store, files):
        done = write_archive(store, files, _consumer(store, name), target)
    click.echo(
        f"Wrote {escaped(str(target))}: {done.keys} keys, {done.days} lines of usage, "
        f"{done.records} idempotency records, {done.files} files, {done.actions} actions.",
        err=True,
    )


@consumers.command()
@click.argument("name")
@click.option("--with-usage", is_flag=True, help="Also delete the counts that statements need.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@stack_option()
def delete(name: str, with_usage: bool, yes: bool, stack: Stack | None) -> None:
    """Delete the consumer NAME for good, with keys, files, records and plan assignment.

    Its keys are revoked first, and requests at work end. Files are deleted in all versions. A run
    that was interrupted can be run again. The name can then be given again, and the new consumer
    inherits nothing.

    Usage is kept for statements, under the name NAME~DAY-... that the command shows. With
    --with-usage it is deleted too. The audit log keeps its entries.
    """
    with open_files(stack) as (store, files):
        consumer = _consumer(store, name)
        if KEPT in name and not with_usage:
            raise click.UsageError(f"Only usage is kept of {name}: --with-usage deletes it")
        deletion = _deletion(stack, store, files, name)
        if not yes:
            facts = _facts(store, consumer)
            click.confirm(
                f"Delete {name} for good: {facts['keys']} keys, {facts['files']} files, "
                f"{facts['images']} counted images{'' if with_usage else ' (kept)'}?",
                abort=True,
                err=True,
            )
        done = deletion.run(consumer, with_usage)
    usage = "No usage is kept" if done.kept_as is None else f"Usage is kept as {done.kept_as}"
    click.echo(
        f"{name} is deleted: {done.keys} keys, {done.files} files, {done.records} idempotency "
        f"records. {usage}.",
        err=True,
    )


def _deletion(stack: Stack | None, store: Store, files: Assets, name: str) -> Deletion:
    found = identifiers_in(store)
    if stack is None and found is not None and found.find_identifier(name) is not None:
        raise StackError(f"{name} has a name at a gateway: give the stack by --stack.")
    names = identifiers_of(stack, store, found) if stack and found else None
    cached = 0.0 if found is None else TABLE_CACHE_SECONDS
    return Deletion(store, files, registry_of(store), names, cached)


def _consumer(store: Store, name: str) -> Consumer:
    named_consumers(store, name)
    return next(one for one in store.list_consumers() if one.name == name)


def _facts(store: Store, consumer: Consumer) -> dict[str, Cell]:
    name, plan = consumer.name, store.plan_of(consumer.name)
    found, assets = identifiers_in(store), store.list_assets(name)
    return {
        "state": _state(consumer),
        "plan": consumer.plan,
        "price": None if plan is None or plan.price is None else exact(plan.price),
        "keys": sum(key.consumer == name for key in store.list_keys()),
        "images": _images(store, name),
        "files": len(assets),
        "bytes": store.stored_bytes(name),
        "idempotency records": sum(1 for _ in store.list_records(name)),
        "gateway": None if found is None else states(found, [name])[name],
    }


def _images(store: Store, name: str) -> int:
    return sum(row.images for row in store.usage(name, date.min, date.max))


def _state(consumer: Consumer) -> str:
    if KEPT in consumer.name:
        return "deleted"
    return "active" if consumer.leaving is None else "being deleted"
