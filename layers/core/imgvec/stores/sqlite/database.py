"""One SQLite file, shared by many threads and many processes, and its way to the newest schema.

`PRAGMA user_version` holds the number of steps that a file has taken.
"""

import itertools
import os
import sqlite3
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final, Literal

from imgvec.errors import StoreError
from imgvec.stores.sqlite.schema import Migration


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


BUSY_SECONDS: Final = 10.0
"""How long a write waits for the writers of other threads and processes."""

_FIXES: Final = {
    sqlite3.SQLITE_BUSY: "another process holds it locked; end that process",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check that it is a file and who owns it",
    sqlite3.SQLITE_CORRUPT: "it is damaged; restore it from a backup",
    sqlite3.SQLITE_FULL: "the disk is full; make room",
    sqlite3.SQLITE_NOTADB: "it is no SQLite file; restore it from a backup or move it away",
    sqlite3.SQLITE_READONLY: "it cannot be written; check the owner and mode of file and folder",
}


class Database:
    """Connections to one file in WAL mode; each serves one thread at a time.

    They are lent from a pool and not bound to threads, because worker threads come and go. Open
    one `Database` in each process: a connection does not survive a fork.
    """

    def __init__(self, path: Path, migrations: tuple[Migration, ...]) -> None:
        """Create the file (0600, in a folder of 0700) or bring its schema up to date.

        Raises:
            StoreError: the file is damaged, read-only, locked for long, or of a newer imgvec.
        """
        self._path = path
        self._idle: deque[sqlite3.Connection] = deque()
        self._closed = False
        self._create()
        with self._reported(), closing(self._open()) as connection:
            _enter_wal(connection)
            self._check(connection)
            migrate(connection, path, migrations)

    @contextmanager
    def connection(
        self, synchronous: Literal["FULL", "NORMAL"] = "FULL"
    ) -> Iterator[sqlite3.Connection]:
        """Lend a connection in autocommit mode.

        `FULL` writes survive a loss of power. `NORMAL` ones survive the end of the process; a loss
        of power may undo the latest of them, as a whole and in order, until the next `FULL` write.

        Raises:
            StoreError: SQLite could not do what was asked.
        """
        with self._reported():
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = self._open()
            try:
                connection.execute(f"PRAGMA synchronous = {synchronous}")
                yield connection
            finally:
                self._idle.append(connection)
                if self._closed:
                    self.close()

    @contextmanager
    def transaction(
        self, synchronous: Literal["FULL", "NORMAL"] = "NORMAL"
    ) -> Iterator[sqlite3.Connection]:
        """Lend a connection inside of a transaction that no other writer is beside.

        Raises:
            StoreError: SQLite could not do what was asked; nothing of it is kept.
        """
        with self.connection(synchronous) as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection

    def close(self) -> None:
        """Close all connections; one that is lent out closes when it comes back."""
        self._closed = True
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA foreign_keys = ON")
        # Deleted rows leave no bytes in the file. Some builds of SQLite have it off.
        connection.execute("PRAGMA secure_delete = ON")
        return connection

    def _create(self) -> None:
        """Make the file before SQLite does, which would let others read it."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileExistsError):
                # Exclusively: closing a file that SQLite has open would drop SQLite's locks.
                os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode=0o600))
        except OSError as problem:
            raise StoreError(
                f"{self._path} cannot be created: {problem.strerror}. "
                "Set IMGVEC_DATA to a folder that can be written."
            ) from problem

    def _check(self, connection: sqlite3.Connection) -> None:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise StoreError(_sentence(self._path, sqlite3.SQLITE_CORRUPT))

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as problem:
            # The low byte is the primary code; the rest tells variants apart.
            raise StoreError(_sentence(self._path, problem.sqlite_errorcode & 0xFF)) from problem


def _enter_wal(connection: sqlite3.Connection) -> None:
    """Switch the file to a write-ahead log, which it keeps.

    SQLite does not wait for others here, as it does everywhere else, so that two processes that
    make the file at the same time would trip over each other.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as problem:
            if problem.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _sentence(path: Path, code: int) -> str:
    """Say what is wrong with the file and what to do; `code` is SQLite's primary result code."""
    return f"{path} cannot be used: {_FIXES.get(code, f'SQLite error {code}')}."


class Part:
    """One protocol's methods over the shared file."""

    def __init__(self, database: Database) -> None:
        """`database` has the newest schema."""
        self._database = database
