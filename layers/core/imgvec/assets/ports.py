"""Ports of assets: stores of metadata and bytes, and presigned URLs of a bucket."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, Literal, Protocol

UploadStatus = Literal["WAITING", "UPLOADING", "SUCCESS", "FAILED"]


@dataclass(frozen=True, slots=True)
class Asset:
    """An uploaded file's metadata; the bytes are in the blob store once `status` is SUCCESS."""

    asset_id: str
    consumer: str
    filename: str
    status: UploadStatus
    size: int
    created: float
    modified: float
    upload_token: str | None = None
    """SHA-256 of the token in the upload URL, 64 hex digits."""


UNFINISHED_SECONDS: Final = 24 * 3600
"""Age at which an unfinished upload expires."""

OPEN: Final = frozenset[UploadStatus]({"WAITING", "UPLOADING"})
"""Statuses from which an upload can still succeed."""


class AssetStore(Protocol):
    """Metadata of assets."""

    def add_asset(self, asset: Asset, most_open: int | None = None) -> None:
        """Store metadata of a new asset.

        Raises:
            TooManyUploads: the consumer has `most_open` unfinished uploads already.
        """

    def get_asset(self, asset_id: str) -> Asset | None:
        """The asset, of any consumer; the caller checks ownership."""

    def move_asset(
        self,
        asset_id: str,
        origin: UploadStatus,
        target: UploadStatus,
        *,
        size: int,
        when: float,
        storage: int | None = None,
    ) -> bool:
        """Change the status, and with it the consumer's sums; False if it is no longer `origin`.

        One step for concurrent calls, also those for other assets of the consumer.

        Raises:
            StorageFull: with SUCCESS the consumer's files would take more than `storage` bytes.
        """

    def delete_asset(self, asset_id: str) -> bool:
        """Delete the metadata; False if there was none."""

    def stored_bytes(self, consumer: str) -> int:
        """Bytes of the consumer's finished files."""

    def list_assets(self, consumer: str) -> Sequence[Asset]:
        """The consumer's files in every status, oldest first; slow, for operators."""

    def expired_assets(self, before: float, most: int) -> Sequence[Asset]:
        """Up to `most` unfinished uploads that were begun before this time, oldest first.

        The caller deletes them. Empty from a store that deletes them by itself.
        """


class BlobStore(Protocol):
    """The bytes of assets. A blob is complete or absent, also after a crash."""

    def write(self, asset_id: str, data: Iterable[bytes]) -> int:
        """Store the bytes durably; returns their number. A blob is readable only when complete.

        The first complete blob of an id is kept: a later write changes nothing and returns its
        size.
        """

    def read(self, asset_id: str) -> bytes | None:
        """All bytes, or None if there is no such blob."""

    def open(self, asset_id: str) -> BinaryIO | None:
        """An open file, which stays readable if the blob is deleted; None if there is no blob."""

    def delete(self, asset_id: str) -> None:
        """Delete the blob; absent is fine."""

    def purge(self, asset_id: str) -> None:
        """Delete the blob with all the versions that a store keeps; absent is fine."""


class DirectAccess(Protocol):
    """A blob store that clients use directly, by presigned URLs."""

    def put_address(self, asset_id: str, seconds: int) -> str:
        """A URL at which a client may PUT the bytes for so many seconds."""

    def get_address(self, asset_id: str, seconds: int, headers: Mapping[str, str]) -> str:
        """A URL at which a client may GET the bytes; `headers` are those of the response."""

    def arrived(self, asset_id: str) -> Iterator[bytes] | None:
        """The uploaded bytes, all of one version; None if nothing was uploaded."""

    def discard(self, asset_id: str) -> None:
        """Delete the uploaded bytes."""
