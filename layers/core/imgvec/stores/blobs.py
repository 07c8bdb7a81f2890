"""Which blob store the settings mean; what belongs to the other is not imported."""

from imgvec.settings import Settings
from imgvec.stores.direct import DirectAccess
from imgvec.stores.protocols import BlobStore


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
