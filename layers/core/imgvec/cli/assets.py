"""`imgvec assets`: the files that consumers keep."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import click
import orjson

from imgvec.assets.ports import Asset
from imgvec.assets.service import Assets
from imgvec.aws.gateway_keys.usage_plans import Stack
from imgvec.cli.options import (
    Cell,
    named_consumers,
    print_table,
    registry_of,
    shown,
    stack_option,
)
from imgvec.errors import AssetNotFound, StackError
from imgvec.settings import load_settings
from imgvec.stores import Store, open_blobs, store_of


@click.group()
def assets() -> None:
    """List and delete the files that consumers have uploaded."""


@assets.command(name="list")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
@stack_option()
def list_(name: str, as_json: bool, stack: Stack | None) -> None:
    """Show the files of the consumer NAME, oldest first."""
    with open_files(stack) as (store, _):
        named_consumers(store, name)
        rows = [asset_row(asset) for asset in store.list_assets(name)]
    if as_json:
        click.echo(orjson.dumps(rows))
    elif rows:
        print_table(list(rows[0]), [list(row.values()) for row in rows])
    else:
        click.echo(f"Consumer {name} keeps no files.", err=True)


@assets.command()
@click.argument("name")
@click.argument("asset_ids", nargs=-1, metavar="[ASSET]...")
@click.option("--all", "all_", is_flag=True, help="Delete every file of the consumer.")
@click.option("--yes", is_flag=True, help="With --all: do not ask.")
@stack_option()
def delete(
    name: str, asset_ids: tuple[str, ...], all_: bool, yes: bool, stack: Stack | None
) -> None:
    """Delete files of the consumer NAME for good, by their ids, or all of them."""
    if bool(asset_ids) == all_:
        raise click.UsageError("Give the ids of files, or --all")
    with open_files(stack) as (store, files):
        named_consumers(store, name)
        if all_:
            found = len(store.list_assets(name))
            if found and not yes:
                click.confirm(f"Delete {found} files of {name} for good?", abort=True, err=True)
            deleted = files.clear(name)
        else:
            deleted = sum(_delete(files, name, asset_id) for asset_id in asset_ids)
        if deleted:
            registry_of(store).note("assets delete", f"{deleted} of {name}")
    click.echo(f"{deleted} files are deleted.", err=True)
    if deleted < len(asset_ids):
        raise click.exceptions.Exit(1)


def _delete(files: Assets, consumer: str, asset_id: str) -> bool:
    try:
        files.delete(consumer, asset_id)
    except AssetNotFound:
        click.echo(f"{consumer} has no file {asset_id!a}", err=True)
        return False
    return True


@contextmanager
def open_files(stack: Stack | None) -> Iterator[tuple[Store, Assets]]:
    """The store and the files of a stack, else those of the settings."""
    settings = load_settings()
    if stack is not None:
        if stack.bucket is None:
            raise StackError(
                f"The stack {stack.name} has no output 'BucketName': deploy it with this version "
                "of imgvec."
            )
        settings = settings.model_copy(update={"table": stack.table, "bucket": stack.bucket})
    blobs, _ = open_blobs(settings)
    with closing(store_of(settings)) as store:
        yield store, Assets(store, blobs, max_bytes=settings.max_image)


def asset_row(asset: Asset) -> dict[str, Cell]:
    """The fields of a file that are shown."""
    return {
        "id": asset.asset_id,
        "name": asset.filename,
        "status": asset.status,
        "size": asset.size,
        "created": shown(asset.created),
    }
