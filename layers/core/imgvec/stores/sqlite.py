"""Keys, usage and asset metadata in one SQLite file."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from imgvec.stores.database import Database
from imgvec.stores.migrations import MIGRATIONS, Migration
from imgvec.stores.protocols import Asset, KeyRecord, UploadStatus

FILE_NAME: Final = "imgvec.sqlite3"


class SqliteStore:
    """The `KeyStore` and `AssetStore` of one machine.

    Keys and assets survive a loss of power once a call has returned; of counts, a loss of power may
    take the last moments (`Database.connection`), because with an fsync for each every answer would
    wait in line for the disk.

    Every method is one statement, and so atomic, in all threads and processes; each may raise
    `StoreError`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock: Callable[[], float] = time.time,
        migrations: tuple[Migration, ...] = MIGRATIONS,
    ) -> None:
        """Open, create or migrate `imgvec.sqlite3` in this folder; the clock dates what is counted.

        Raises:
            StoreError: the file is damaged, read-only, locked for long, or of a newer imgvec.
        """
        self._clock = clock
        self._database = Database(folder / FILE_NAME, migrations)

    def close(self) -> None:
        """Close the file; calls that are still at work end well."""
        self._database.close()

    def add_key(self, record: KeyRecord) -> None:
        """Store a new key."""
        with self._database.connection() as connection:
            connection.execute(
                "INSERT INTO keys (key_id, consumer, digest, created, revoked)"
                " VALUES (?, ?, ?, ?, ?)",
                (record.key_id, record.consumer, record.digest, record.created, record.revoked),
            )

    def find_key(self, digest: str) -> KeyRecord | None:
        """The key with this digest, revoked or not."""
        with self._database.connection() as connection:
            row = connection.execute(
                "SELECT key_id, consumer, digest, created, revoked FROM keys WHERE digest = ?",
                (digest,),
            ).fetchone()
        return KeyRecord(*row) if row else None

    def list_keys(self) -> Sequence[KeyRecord]:
        """All keys, oldest first."""
        with self._database.connection() as connection:
            rows = connection.execute(
                "SELECT key_id, consumer, digest, created, revoked FROM keys"
                " ORDER BY created, rowid"
            ).fetchall()
        return [KeyRecord(*row) for row in rows]

    def revoke_key(self, key_id: str, when: float) -> bool:
        """Revoke for good; False if there is no such key or it was revoked before."""
        with self._database.connection() as connection:
            cursor = connection.execute(
                "UPDATE keys SET revoked = ? WHERE key_id = ? AND revoked IS NULL", (when, key_id)
            )
        return cursor.rowcount == 1

    def count(self, key_id: str, units: int) -> None:
        """Add answered embeddings to a key, under today's date in UTC."""
        day = datetime.fromtimestamp(self._clock(), UTC).date().isoformat()
        with self._database.connection(synchronous="NORMAL") as connection:
            connection.execute(
                "INSERT INTO usage (key_id, day, units) VALUES (?, ?, ?)"
                " ON CONFLICT (key_id, day) DO UPDATE SET units = units + excluded.units",
                (key_id, day, units),
            )

    def counted(self) -> dict[str, int]:
        """Answered embeddings by key id."""
        with self._database.connection() as connection:
            rows = connection.execute("SELECT key_id, SUM(units) FROM usage GROUP BY key_id")
            return dict(rows.fetchall())

    def add_asset(self, asset: Asset) -> None:
        """Store metadata of a new asset."""
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
        """The asset, whoever owns it; the caller judges ownership."""
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
        """Change the status if it still is `origin`, atomically; False if it is not."""
        with self._database.connection() as connection:
            cursor = connection.execute(
                "UPDATE assets SET status = ?, size = ?, modified = ?"
                " WHERE asset_id = ? AND status = ?",
                (target, size, when, asset_id, origin),
            )
        return cursor.rowcount == 1

    def delete_asset(self, asset_id: str) -> bool:
        """Forget the metadata; False if there was none."""
        with self._database.connection() as connection:
            cursor = connection.execute("DELETE FROM assets WHERE asset_id = ?", (asset_id,))
        return cursor.rowcount == 1

    def expired_assets(self, before: float) -> Sequence[Asset]:
        """Uploads that were begun before this time and never finished."""
        with self._database.connection() as connection:
            rows = connection.execute(
                "SELECT asset_id, consumer, filename, status, size, created, modified, upload_token"
                " FROM assets WHERE status <> 'SUCCESS' AND created < ?",
                (before,),
            ).fetchall()
        return [Asset(*row) for row in rows]
