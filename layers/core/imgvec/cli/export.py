"""A consumer's data in one ZIP archive, written as it is read."""

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import orjson

from imgvec.accounts.ports import Action, IdempotencyRecord, KeyRecord, UsageRow
from imgvec.accounts.prices import exact
from imgvec.assets.ports import Asset
from imgvec.assets.service import Assets
from imgvec.cli.assets import asset_row
from imgvec.cli.options import shown
from imgvec.cli.output import progress, replaced
from imgvec.errors import AssetNotFound
from imgvec.stores import Store, identifiers_in
from imgvec.types import Consumer

ENDED: Final = "consumers deleted"
"""The action that ends a deletion: entries before it are about another consumer of the name."""

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Exported:
    """Numbers of what is in an archive."""

    keys: int
    days: int
    """Lines of usage."""
    records: int
    files: int
    actions: int


def export(store: Store, files: Assets, consumer: Consumer, target: Path) -> Exported:
    """Write the archive, which appears when it is whole and only its owner can read.

    Raises:
        click.ClickException: the file cannot be written.
    """
    name = consumer.name
    keys = [key for key in store.list_keys() if key.consumer == name]
    with replaced(target) as file, ZipFile(file, "w", ZIP_DEFLATED) as archive:
        os.fchmod(file.fileno(), 0o600)
        assets = store.list_assets(name)
        with progress(iter(assets), len(assets), "Exporting") as each:
            written = [_asset_row(asset, _copied(archive, files, asset)) for asset in each]

        def lines(part: str, rows: Iterable[Row]) -> int:
            return _write_lines(archive, f"{part}.jsonl", rows)

        archive.writestr("consumer.json", _line(_consumer_row(store, consumer)))
        lines("assets", written)
        return Exported(
            keys=lines("keys", map(_key_row, keys)),
            days=lines("usage", map(_usage_row, store.usage(name, date.min, date.max))),
            records=lines("idempotency", map(_record_row, store.list_records(name))),
            files=sum(row["file"] is not None for row in written),
            actions=lines("actions", map(_action_row, actions_about(store, name, keys))),
        )


def actions_about(store: Store, name: str, keys: Iterable[KeyRecord]) -> Iterator[Action]:
    """Entries of the audit log about a consumer and its keys, and not about one before it."""
    ids, found = {key.key_id for key in keys}, list[Action]()
    for action in store.list_actions():
        words = action.about.split()
        own = action.what != "plans create" and words[-1:] == [name]
        if own and action.what == ENDED:
            found.clear()
        elif own or not ids.isdisjoint(words):
            found.append(action)
    return iter(found)


def _copied(archive: ZipFile, files: Assets, asset: Asset) -> str | None:
    """Copy a file's bytes in pieces; gives its name in the archive, None where there are none."""
    name = f"assets/{asset.asset_id}"
    try:
        source = files.open(asset)
    except AssetNotFound:
        return None
    # Images are compressed already.
    entry = ZipInfo(name)
    entry.compress_type = ZIP_STORED
    with source, archive.open(entry, "w", force_zip64=True) as target:
        shutil.copyfileobj(source, target)
    return name


def _write_lines(archive: ZipFile, name: str, rows: Iterable[Row]) -> int:
    count = 0
    with archive.open(name, "w", force_zip64=True) as target:
        for row in rows:
            target.write(_line(row))
            count += 1
    return count


def _line(row: Row) -> bytes:
    return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)


def _consumer_row(store: Store, consumer: Consumer) -> Row:
    plan = store.plan_of(consumer.name)
    identifiers = identifiers_in(store)
    identifier = None if identifiers is None else identifiers.find_identifier(consumer.name)
    return {
        "name": consumer.name,
        "plan": None
        if plan is None
        else {
            **asdict(plan),
            "spaces": None if plan.spaces is None else sorted(plan.spaces),
            "price": None if plan.price is None else exact(plan.price),
        },
        "stored_bytes": store.stored_bytes(consumer.name),
        "gateway": None if identifier is None else asdict(identifier),
    }


def _key_row(key: KeyRecord) -> Row:
    """Without the digest, which is of no use to the consumer."""
    return {
        "id": key.key_id,
        **{
            name: shown(when)
            for name, when in (
                ("created", key.created),
                ("expires", key.expires),
                ("disabled", key.disabled),
                ("revoked", key.revoked),
                ("used", key.used),
            )
        },
    }


def _usage_row(row: UsageRow) -> Row:
    tariff = row.label.tariff
    return {
        "day": row.day,
        "key": row.label.key_id,
        "dialect": row.label.dialect,
        "space": row.label.space,
        "plan": None if tariff is None else tariff.plan,
        "price": None if tariff is None else exact(tariff.price),
        "images": row.images,
    }


def _record_row(record: IdempotencyRecord) -> Row:
    return {
        "name": record.name,
        "request": record.fingerprint,
        "content": record.content,
        "revision": record.revision,
        "day": record.reservation.day,
        "units": record.reservation.units,
        "settled": record.settled,
        "kept": shown(record.kept),
    }


def _asset_row(asset: Asset, file: str | None) -> Row:
    return {**asset_row(asset), "modified": shown(asset.modified), "file": file}


def _action_row(action: Action) -> Row:
    return {**asdict(action), "when": shown(action.when)}
