"""Opens the stores that the settings name; nothing of the others is imported."""

from typing import Final

from imgvec.accounts.gateway_names import IdentifierStore
from imgvec.assets.ports import BlobStore, DirectAccess
from imgvec.settings import Settings
from imgvec.stores.ports import Store

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
