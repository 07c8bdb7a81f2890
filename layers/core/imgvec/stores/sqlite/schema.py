"""The steps to the schema of the SQLite file.

A step that was released is never edited; a change is a further step.
"""

from typing import Final, TypeAlias

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
            revoked REAL,
            expires REAL,
            disabled REAL,
            used REAL
        )
        """,
        "CREATE TABLE plans (name TEXT PRIMARY KEY, document BLOB NOT NULL)",
        "CREATE TABLE consumers (name TEXT PRIMARY KEY, plan TEXT REFERENCES plans (name))",
        """
        CREATE TABLE actions (
            moment REAL NOT NULL,
            who TEXT NOT NULL,
            what TEXT NOT NULL,
            about TEXT NOT NULL
        )
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
        """
        CREATE TABLE reservations (
            consumer TEXT NOT NULL,
            id TEXT NOT NULL,
            day TEXT NOT NULL,
            units INTEGER NOT NULL,
            expires REAL NOT NULL,
            PRIMARY KEY (consumer, id)
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
        CREATE TABLE idempotency (
            consumer TEXT NOT NULL,
            name TEXT NOT NULL,
            reservation TEXT NOT NULL,
            settled INTEGER NOT NULL,
            kept REAL NOT NULL,
            document BLOB NOT NULL,
            PRIMARY KEY (consumer, name)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX kept_idempotency ON idempotency (kept)",
    ),
    # A consumer's bytes and unfinished uploads are added up from the index alone.
    ("CREATE INDEX consumers_assets ON assets (consumer, status, created, size)",),
    # Images are also counted by plan and price. A process of an older imgvec that has the file open
    # goes on to count, without a price.
    (
        """
        CREATE TABLE priced (
            consumer TEXT NOT NULL,
            day TEXT NOT NULL,
            key_id TEXT NOT NULL,
            dialect TEXT NOT NULL,
            space INTEGER NOT NULL,
            tariff TEXT NOT NULL DEFAULT '',
            units INTEGER NOT NULL,
            PRIMARY KEY (consumer, day, key_id, dialect, space, tariff)
        ) WITHOUT ROWID
        """,
        "INSERT INTO priced SELECT consumer, day, key_id, dialect, space, '', units FROM counts",
        "DROP TABLE counts",
        "ALTER TABLE priced RENAME TO counts",
    ),
    ("ALTER TABLE consumers ADD COLUMN leaving TEXT",),
)
