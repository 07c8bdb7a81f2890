"""Everything but the bytes of assets in one SQLite file: the store of one machine."""

from pathlib import Path
from typing import Final

from imgvec.stores.sqlite.accounts import SqliteKeys, SqlitePlans, SqliteRecords
from imgvec.stores.sqlite.assets import SqliteAssets
from imgvec.stores.sqlite.database import Database
from imgvec.stores.sqlite.deletion import SqliteDeletion
from imgvec.stores.sqlite.meter import SqliteMeter
from imgvec.stores.sqlite.schema import MIGRATIONS, Migration

FILE_NAME: Final = "imgvec.sqlite3"


class SqliteStore(
    SqliteKeys, SqlitePlans, SqliteMeter, SqliteRecords, SqliteAssets, SqliteDeletion
):
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
