"""Metadata of assets in SQLite; a consumer's sums are counted from its rows."""

from collections.abc import Sequence
from dataclasses import astuple
from typing import Final

from imgvec.assets.ports import UNFINISHED_SECONDS, Asset, UploadStatus
from imgvec.errors import StorageFull, TooManyUploads
from imgvec.stores.sqlite.database import Part

_STORED: Final = (
    "SELECT coalesce(sum(size), 0) FROM assets WHERE consumer = ? AND status = 'SUCCESS'"
)


class SqliteAssets(Part):
    """An `AssetStore`."""

    def add_asset(self, asset: Asset, most_open: int | None = None) -> None:
        with self._database.transaction(synchronous="FULL") as connection:
            (unfinished,) = connection.execute(
                "SELECT count(*) FROM assets"
                " WHERE consumer = ? AND status IN ('WAITING', 'UPLOADING') AND created > ?",
                (asset.consumer, asset.created - UNFINISHED_SECONDS),
            ).fetchone()
            if most_open is not None and unfinished >= most_open:
                raise TooManyUploads(retry_after=UNFINISHED_SECONDS)
            connection.execute(
                "INSERT INTO assets (asset_id, consumer, filename, status, size, created, modified,"
                " upload_token) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                astuple(asset),
            )

    def get_asset(self, asset_id: str) -> Asset | None:
        with self._database.connection() as connection:
            row = connection.execute(
                "SELECT asset_id, consumer, filename, status, size, created, modified, upload_token"
                " FROM assets WHERE asset_id = ?",
                (asset_id,),
            ).fetchone()
        return Asset(*row) if row else None

    def move_asset(
        self,
        asset_id: str,
        origin: UploadStatus,
        target: UploadStatus,
        *,
        size: int,
        when: float,
        storage: int | None = None,
    ) -> bool:
        with self._database.transaction(synchronous="FULL") as connection:
            row = connection.execute(
                "UPDATE assets SET status = ?, size = ?, modified = ?"
                " WHERE asset_id = ? AND status = ? RETURNING consumer",
                (target, size, when, asset_id, origin),
            ).fetchone()
            if row and target == "SUCCESS" and storage is not None:
                (stored,) = connection.execute(_STORED, row).fetchone()
                if stored > storage:
                    # Ends the transaction without the change.
                    raise StorageFull
        return row is not None

    def delete_asset(self, asset_id: str) -> bool:
        with self._database.connection() as connection:
            cursor = connection.execute("DELETE FROM assets WHERE asset_id = ?", (asset_id,))
        return cursor.rowcount == 1

    def stored_bytes(self, consumer: str) -> int:
        with self._database.connection() as connection:
            (stored,) = connection.execute(_STORED, (consumer,)).fetchone()
        return int(stored)

    def list_assets(self, consumer: str) -> Sequence[Asset]:
        with self._database.connection() as connection:
            rows = connection.execute(
                "SELECT asset_id, consumer, filename, status, size, created, modified, upload_token"
                " FROM assets WHERE consumer = ? ORDER BY created, asset_id",
                (consumer,),
            ).fetchall()
        return [Asset(*row) for row in rows]

    def expired_assets(self, before: float, most: int) -> Sequence[Asset]:
        with self._database.connection() as connection:
            rows = connection.execute(
                "SELECT asset_id, consumer, filename, status, size, created, modified, upload_token"
                " FROM assets WHERE status <> 'SUCCESS' AND created < ? ORDER BY created LIMIT ?",
                (before, most),
            ).fetchall()
        return [Asset(*row) for row in rows]
