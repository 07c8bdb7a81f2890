"""The deletion of a consumer in SQLite; each step is one transaction."""

from collections.abc import Iterator
from typing import Final

from pydantic import TypeAdapter

from imgvec.accounts.ports import IdempotencyRecord
from imgvec.stores.sqlite.database import Part

_RECORD: Final = TypeAdapter(IdempotencyRecord)
_PAGE: Final = 1000


class SqliteDeletion(Part):
    """A `DeletionStore`."""

    def begin_deletion(self, consumer: str, kept_as: str) -> str:
        with self._database.connection() as connection:
            row = connection.execute(
                "UPDATE consumers SET leaving = coalesce(leaving, ?) WHERE name = ?"
                " RETURNING leaving",
                (kept_as, consumer),
            ).fetchone()
        return str(row[0]) if row else kept_as

    def delete_key(self, digest: str) -> None:
        with self._database.connection() as connection:
            connection.execute("DELETE FROM keys WHERE digest = ?", (digest,))

    def list_records(self, consumer: str) -> Iterator[IdempotencyRecord]:
        last = ""
        while True:
            with self._database.connection() as connection:
                rows = connection.execute(
                    "SELECT name, document FROM idempotency WHERE consumer = ? AND name > ?"
                    " ORDER BY name LIMIT ?",
                    (consumer, last, _PAGE),
                ).fetchall()
            if not rows:
                return
            for _, document in rows:
                yield _RECORD.validate_json(document)
            last = rows[-1][0]

    def delete_records(self, consumer: str) -> int:
        with self._database.connection() as connection:
            return connection.execute(
                "DELETE FROM idempotency WHERE consumer = ?", (consumer,)
            ).rowcount

    def keep_usage(self, consumer: str, kept_as: str) -> None:
        with self._database.transaction(synchronous="FULL") as connection:
            connection.execute(
                "INSERT INTO counts (consumer, day, key_id, dialect, space, tariff, units)"
                " SELECT ?, day, key_id, dialect, space, tariff, units FROM counts"
                " WHERE consumer = ?"
                " ON CONFLICT DO UPDATE SET units = units + excluded.units",
                (kept_as, consumer),
            )
            connection.execute("DELETE FROM counts WHERE consumer = ?", (consumer,))
            connection.execute("DELETE FROM reservations WHERE consumer = ?", (consumer,))

    def delete_usage(self, consumer: str) -> None:
        with self._database.transaction(synchronous="FULL") as connection:
            connection.execute("DELETE FROM counts WHERE consumer = ?", (consumer,))
            connection.execute("DELETE FROM reservations WHERE consumer = ?", (consumer,))

    def delete_sums(self, consumer: str) -> None:
        """There are none: sums are added up from the files."""

    def end_deletion(self, consumer: str, kept_as: str | None) -> None:
        with self._database.transaction(synchronous="FULL") as connection:
            if kept_as is not None:
                connection.execute(
                    "INSERT INTO consumers (name) VALUES (?) ON CONFLICT DO NOTHING", (kept_as,)
                )
            connection.execute("DELETE FROM consumers WHERE name = ?", (consumer,))
        with self._database.connection() as connection:
            # Until it is copied back, the write-ahead log has the deleted rows.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
