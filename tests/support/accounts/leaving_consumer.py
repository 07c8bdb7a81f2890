"""A store with the data of consumers, for tests of what is left of them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import boto3

from imgvec.accounts.deletion import KEPT
from imgvec.accounts.idempotency import IdempotentMeter
from imgvec.accounts.metering import Charge
from imgvec.accounts.ports import Identifier
from imgvec.accounts.registry import Registry
from imgvec.assets.ports import BlobStore
from imgvec.assets.service import Assets
from imgvec.stores import Store, identifiers_in
from imgvec.stores.sqlite import FILE_NAME
from imgvec.types import Consumer, Plan, Principal, RequestContext

NOON: Final = 1_764_504_000.0
"""2025-11-30 12:00 UTC."""
DAY: Final = 24 * 3600.0


@dataclass
class House:
    """A store of each kind with its blobs, and a clock that only waiting moves."""

    store: Store
    blobs: BlobStore
    folder: Path | None
    """Of the SQLite file and the blobs; None in the cloud."""
    table: str = ""
    bucket: str = ""
    now: float = NOON
    waits: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.waits.append(seconds)
        self.now += seconds

    def tick(self) -> float:
        """The time, which is later each time: entries of the audit log stand in order of time."""
        self.now += 0.001
        return self.now

    @property
    def registry(self) -> Registry:
        """An operator's."""
        return Registry(self.store, "root", self.tick)

    @property
    def files(self) -> Assets:
        """Of all consumers."""
        return Assets(self.store, self.blobs, max_bytes=1000, clock=lambda: self.now)

    @property
    def meter(self) -> IdempotentMeter:
        """A server's."""
        return IdempotentMeter(self.store, window=DAY, clock=lambda: self.now)

    def consumer(self, name: str) -> Consumer:
        """As it is stored."""
        return next(one for one in self.store.list_consumers() if one.name == name)

    def charge(self, name: str, request: str, units: int = 1, key: str | None = None) -> Charge:
        """A request of a consumer."""
        context = RequestContext(f"{name}-{request}", "pixlab", "asked", key)
        caller = Principal(name, "k_1", self.store.plan_of(name))
        return Charge(caller, context, 512, "r" * 64, (b"image",) * units)

    def answer(self, name: str, request: str, units: int = 1, key: str | None = None) -> None:
        """Answer a request."""
        ticket = self.meter.reserve(self.charge(name, request, units, key))
        assert ticket is not None
        self.meter.settle(ticket)

    def move_in(self, name: str) -> None:
        """Two keys, seven images of two days and prices, three files, a record, a dead request."""
        self.registry.put_plan(Plan("small", price=100_000))
        self.registry.create_key(name, "small")
        self.registry.revoke_key(self.registry.create_key(name).record.key_id)
        self.store.touch_key(self.active(name), self.now - 1, 0.0)
        later, self.now = self.now, self.now - DAY
        self.answer(name, "yesterday", 2)
        self.registry.put_plan(Plan("small", price=200_000))
        self.now = later
        self.answer(name, "today", 4)
        self.answer(name, "again", 1, "order-1")
        assert self.meter.reserve(self.charge(name, "dead")) is not None
        self.files.upload(name, "a.png", b"first file", f"{name}_1")
        self.files.upload(name, "b.png", b"second", f"{name}_2")
        self.files.reserve(name, "c.png", f"{name}_3")
        identifiers = identifiers_in(self.store)
        if identifiers is not None:
            identifiers.put_identifier(Identifier(name, f"key-{name}", "slow"))

    def active(self, name: str) -> str:
        """The digest of the consumer's key that is not revoked."""
        return next(
            key.digest
            for key in self.store.list_keys()
            if key.consumer == name and key.revoked is None
        )

    def rows_of(self, name: str) -> list[str]:
        """Rows or items that name a consumer; the audit log and usage that is kept are left out."""
        rows = self._items() if self.folder is None else _rows(self.folder / FILE_NAME)
        words = (f"'{name}'", f" {name}'", f"'{name}_")
        return sorted(row for row in rows if any(word in row for word in words))

    def kept_of(self, name: str) -> list[str]:
        """Names under which usage of former consumers of this name is kept."""
        known = [one.name for one in self.store.list_consumers()]
        return [one for one in known if one.startswith(name + KEPT)]

    def objects(self) -> list[str]:
        """Files, or all versions and delete markers, by their names."""
        if self.folder is not None:
            blobs = self.folder / "assets"
            return sorted(path.name for path in blobs.rglob("*") if path.is_file())
        client: Any = boto3.client("s3")
        with closing(client):
            found = client.list_object_versions(Bucket=self.bucket)
        versions = [*found.get("Versions", []), *found.get("DeleteMarkers", [])]
        return sorted(f"{one['Key']} {one['VersionId']}" for one in versions)

    def _items(self) -> Iterator[str]:
        client: Any = boto3.client("dynamodb")
        with closing(client):
            for page in client.get_paginator("scan").paginate(TableName=self.table):
                for item in page["Items"]:
                    if item["pk"]["S"] != "actions":
                        yield repr(item)


def _rows(path: Path) -> Iterator[str]:
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            if table != "actions":
                for row in connection.execute(f"SELECT * FROM {table}"):
                    yield f"{table} {row!r}"
