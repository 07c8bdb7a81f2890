"""Which blob store the settings mean."""

from imgvec.settings import Settings
from imgvec.stores.direct import DirectAccess
from imgvec.stores.folder import FolderBlobs
from imgvec.stores.protocols import BlobStore
from imgvec.stores.s3 import S3Blobs


def open_blobs(settings: Settings) -> tuple[BlobStore, DirectAccess | None]:
    """The bucket that is set, which clients may reach by themselves, else a folder.

    Raises:
        StoreError: it cannot be used.
    """
    if settings.bucket is not None:
        bucket = S3Blobs(settings.bucket)
        return bucket, bucket
    return FolderBlobs(settings.data / "assets"), None
