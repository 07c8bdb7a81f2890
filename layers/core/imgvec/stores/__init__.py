"""Stores behind protocols; nothing above this package imports a database or a cloud library.

Opens the stores that the settings name, and imports nothing of the others.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, Protocol, TypeVar

from imgvec.accounts.deletion import DeletionStore
from imgvec.accounts.ports import AccountStore, IdentifierStore
from imgvec.assets.ports import AssetStore, BlobStore, DirectAccess
from imgvec.settings import Settings


class Store(AccountStore, AssetStore, DeletionStore, Protocol):
    """All but the bytes of assets."""

    def close(self) -> None:
        """Close files and connections."""


P = ParamSpec("P")
T = TypeVar("T")

STORE_THREADS: Final = 8


class StoreExecutor:
    """Runs blocking calls without blocking the event loop."""

    def __init__(self) -> None:
        """Threads start with the first calls."""
        self._threads = ThreadPoolExecutor(STORE_THREADS, thread_name_prefix="imgvec-stores")

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call in a thread, to its end.

        Also where the request is cancelled meanwhile: a thread cannot be stopped, and its caller
        may close a file that it works on.
        """
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._threads, lambda: call(*args, **kwargs))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait({running})
            raise

    def close(self) -> None:
        """Finish running calls and end the threads."""
        self._threads.shutdown()


TABLE_CACHE_SECONDS: Final = 30.0


def store_of(settings: Settings) -> Store:
    """Open the store: the DynamoDB table that is set, else a file in the data folder.

    Raises:
        StoreError: it cannot be used.
    """
    if settings.table is not None:
        from imgvec.stores.dynamodb import DynamoStore

        return DynamoStore(settings.table)
    from imgvec.stores.sqlite import SqliteStore

    return SqliteStore(settings.data)


def identifiers_in(store: Store) -> IdentifierStore | None:
    """The part of a store that only a stack has: where there is no table, there is no gateway."""
    from imgvec.stores.dynamodb import DynamoStore

    return store if isinstance(store, DynamoStore) else None


def cache_seconds_of(settings: Settings) -> float:
    """How long keys and plans are remembered: a file is asked every time, a table is paid for."""
    return 0.0 if settings.table is None else TABLE_CACHE_SECONDS


def open_blobs(settings: Settings) -> tuple[BlobStore, DirectAccess | None]:
    """The bucket that is set, which clients may reach by themselves, else a folder.

    Raises:
        StoreError: it cannot be used.
    """
    if settings.bucket is not None:
        from imgvec.stores.s3 import S3Blobs

        bucket = S3Blobs(settings.bucket)
        return bucket, bucket
    from imgvec.stores.folder import FolderBlobs

    return FolderBlobs(settings.data / "assets"), None
