"""Everything but the bytes of assets in one SQLite file: the store of one machine."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from imgvec.assets.ports import Asset, UploadStatus
from imgvec.stores.sqlite.accounts import SqliteKeys, SqlitePlans, SqliteRecords
from imgvec.stores.sqlite.database import MIGRATIONS, Database, Migration, Part
from imgvec.stores.sqlite.meter import SqliteMeter


class SqliteAssets(Part):
    """An `AssetStore`."""

    def add_asset(self, asset: Asset) -> None:
        with self._database.connection() as connection:
            connection.execute(
                "INSERT INTO assets (asset_id, consumer, filename, status, size, created, modified,"
                " upload_token) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    asset.asset_id,
                    asset.consumer,
                    asset.filename,
                    asset.status,
                    asset.size,
                    asset.created,
                    asset.modified,
                    asset.upload_token,
                ),
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
        self, asset_id: str, origin: UploadStatus, target: UploadStatus, *, size: int, when: float
    ) -> bool:
        with self._database.connection() as connection:
            cursor = connection.execute(
                "UPDATE assets SET status = ?, size = ?, modified = ?"
                " WHERE asset_id = ? AND status = ?",
                (target, size, when, asset_id, origin),
            )
        return cursor.rowcount == 1

    def delete_asset(self, asset_id: str) -> bool:
        with self._database.connection() as connection:
            cursor = connection.execute("DELETE FROM assets WHERE asset_id = ?", (asset_id,))
        return cursor.rowcount == 1

    def expired_assets(self, before: float) -> Sequence[Asset]:
        with self._database.connection() as connection:
            rows = connection.execute(
                "SELECT asset_id, consumer, filename, status, size, created, modified, upload_token"
                " FROM assets WHERE status <> 'SUCCESS' AND created < ?",
                (before,),
            ).fetchall()
        return [Asset(*row) for row in rows]


FILE_NAME: Final = "imgvec.sqlite3"


class SqliteStore(SqliteKeys, SqlitePlans, SqliteMeter, SqliteRecords, SqliteAssets):
    """A `Store` in one file, shared by many threads and processes.

    Keys, plans and assets survive a loss of power once a call has returned. Of counts and
    idempotency records a loss of power may take the last moments (`Database.connection`), because
    with an fsync for each every answer would wait in line for the disk.

    Every method is one statement or one transaction, and so atomic, in all threads and processes;
    each may raise `StoreError`.
    """

    def __init__(self, folder: Path, *, migrations: tuple[Migration, ...] = MIGRATIONS) -> None:
        """Open, create or migrate `imgvec.sqlite3` in this folder.

        Raises:
            StoreError: the file is damaged, read-only, locked for long, or of a newer imgvec.
        """
        super().__init__(Database(folder / FILE_NAME, migrations))

    def close(self) -> None:
        """Close the file; calls that are still at work end well."""
        self._database.close()
