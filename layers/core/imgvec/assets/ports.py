"""The stores that assets need: metadata, bytes, and signed addresses of a bucket."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal, Protocol

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
    """SHA-256 of the token in a signed upload address, 64 hex digits."""


class AssetStore(Protocol):
    """Metadata of assets; an asset is seen only by the consumer that owns it."""

    def add_asset(self, asset: Asset) -> None:
        """Store metadata of a new asset."""

    def get_asset(self, asset_id: str) -> Asset | None:
        """The asset, whoever owns it; the caller judges ownership."""

    def move_asset(
        self, asset_id: str, origin: UploadStatus, target: UploadStatus, *, size: int, when: float
    ) -> bool:
        """Change the status if it still is `origin`, atomically; False if it is not."""

    def delete_asset(self, asset_id: str) -> bool:
        """Forget the metadata; False if there was none."""

    def expired_assets(self, before: float) -> Sequence[Asset]:
        """Uploads that were begun before this time and never finished, for the caller to remove.

        A store that removes them by itself gives none.
        """


class BlobStore(Protocol):
    """The bytes of assets. A blob is whole or absent, also after a crash."""

    def write(self, asset_id: str, data: Iterable[bytes]) -> int:
        """Store the bytes durably and give their number; nothing can be read until all are.

        The first whole blob of an id stands: a later write changes nothing and gives its size.
        """

    def read(self, asset_id: str) -> bytes | None:
        """All bytes, or None where there is no such blob."""

    def open(self, asset_id: str) -> BinaryIO | None:
        """The bytes to be read in pieces, also when the blob is deleted meanwhile; else None."""

    def delete(self, asset_id: str) -> None:
        """Remove the blob; absent is fine."""


class DirectAccess(Protocol):
    """A blob store with signed addresses of its own."""

    def put_address(self, asset_id: str, seconds: int) -> str:
        """Where a client may PUT the bytes for so long."""

    def get_address(self, asset_id: str, seconds: int, headers: Mapping[str, str]) -> str:
        """Where a client may GET the bytes for so long; `headers` are those of the answer."""

    def arrived(self, asset_id: str) -> Iterator[bytes] | None:
        """What was put there, whole and of one version; None where nothing was."""

    def discard(self, asset_id: str) -> None:
        """Remove what was put there."""
