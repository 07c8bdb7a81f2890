"""The schema of the SQLite store, as the steps that lead to it.

A step that was released is never edited; a change is a further step. `PRAGMA user_version` holds
the number of steps that a file has taken.
"""

import itertools
import sqlite3
from pathlib import Path
from typing import Final, TypeAlias

from imgvec.errors import StoreError

Migration: TypeAlias = tuple[str, ...]
"""Statements of one step; they are executed one by one, in one transaction."""

MIGRATIONS: Final[tuple[Migration, ...]] = (
    (
        """
        CREATE TABLE keys (
            key_id TEXT PRIMARY KEY,
            consumer TEXT NOT NULL,
            digest TEXT NOT NULL UNIQUE,
            created REAL NOT NULL,
            revoked REAL
        )
        """,
        """
        CREATE TABLE usage (
            key_id TEXT NOT NULL REFERENCES keys (key_id),
            day TEXT NOT NULL,
            units INTEGER NOT NULL,
            PRIMARY KEY (key_id, day)
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE assets (
            asset_id TEXT PRIMARY KEY,
            consumer TEXT NOT NULL,
            filename TEXT NOT NULL,
            status TEXT NOT NULL,
            size INTEGER NOT NULL,
            created REAL NOT NULL,
            modified REAL NOT NULL,
            upload_token TEXT
        )
        """,
        "CREATE INDEX unfinished_assets ON assets (created) WHERE status <> 'SUCCESS'",
    ),
    (
        "ALTER TABLE keys ADD COLUMN expires REAL",
        "ALTER TABLE keys ADD COLUMN disabled REAL",
        "ALTER TABLE keys ADD COLUMN used REAL",
        "CREATE TABLE plans (name TEXT PRIMARY KEY, document BLOB NOT NULL)",
        "CREATE TABLE consumers (name TEXT PRIMARY KEY, plan TEXT REFERENCES plans (name))",
        "INSERT INTO consumers (name) SELECT DISTINCT consumer FROM keys",
        """
        CREATE TABLE actions (
            moment REAL NOT NULL,
            who TEXT NOT NULL,
            what TEXT NOT NULL,
            about TEXT NOT NULL
        )
        """,
        """
        CREATE TABLE holds (
            consumer TEXT NOT NULL,
            hold_id TEXT NOT NULL,
            day TEXT NOT NULL,
            units INTEGER NOT NULL,
            expires REAL NOT NULL,
            PRIMARY KEY (consumer, hold_id)
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE counts (
            consumer TEXT NOT NULL,
            day TEXT NOT NULL,
            key_id TEXT NOT NULL,
            dialect TEXT NOT NULL,
            space INTEGER NOT NULL,
            units INTEGER NOT NULL,
            PRIMARY KEY (consumer, day, key_id, dialect, space)
        ) WITHOUT ROWID
        """,
        """
        INSERT INTO counts (consumer, day, key_id, dialect, space, units)
        SELECT keys.consumer, usage.day, usage.key_id, 'unknown', 0, usage.units
        FROM usage JOIN keys USING (key_id)
        """,
        "DROP TABLE usage",
        """
        CREATE TABLE claims (
            consumer TEXT NOT NULL,
            name TEXT NOT NULL,
            hold_id TEXT NOT NULL,
            settled INTEGER NOT NULL,
            kept REAL NOT NULL,
            document BLOB NOT NULL,
            PRIMARY KEY (consumer, name)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX kept_claims ON claims (kept)",
    ),
)


def migrate(connection: sqlite3.Connection, path: Path, migrations: tuple[Migration, ...]) -> None:
    """Bring the file to the newest schema, one transaction a step; safe in many processes at once.

    `connection` is in autocommit mode. Even a file that is up to date is written to once, so one
    that is read-only is found out here.

    Raises:
        StoreError: the file has a schema that only a newer imgvec knows.
        sqlite3.Error: the file cannot be read or written.
    """
    while _step(connection, path, migrations):
        pass


def _step(connection: sqlite3.Connection, path: Path, migrations: tuple[Migration, ...]) -> bool:
    """Take the next step, if there is one."""
    with connection:
        # The version is read under the lock: another process may have just taken the step.
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > len(migrations):
            raise StoreError(
                f"{path} was written by a newer imgvec (schema {version}, this one knows "
                f"{len(migrations)}): upgrade imgvec, or set IMGVEC_DATA to another folder."
            )
        step = migrations[version : version + 1]
        for statement in itertools.chain(*step):
            connection.execute(statement)
        # Written even if there was no step: SQLite grants the lock on a read-only file as well.
        connection.execute(f"PRAGMA user_version = {version + len(step)}")
    return bool(step)
