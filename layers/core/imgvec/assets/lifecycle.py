"""Keeps metadata and bytes of assets consistent across crashes and concurrent requests.

    WAITING -> UPLOADING -> SUCCESS
       ^___________|   \\--> FAILED

An interrupted attempt goes back to WAITING; SUCCESS and FAILED are final. Metadata is written first
and deleted last, bytes can be read only under SUCCESS, and an asset that a crash leaves unfinished
expires: so no partial asset can be read, and no bytes are left without metadata.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import BinaryIO, Final

from imgvec.assets.ports import (
    OPEN,
    UNFINISHED_SECONDS,
    Asset,
    AssetStore,
    BlobStore,
    UploadStatus,
)
from imgvec.errors import AssetNotFound, StorageFull, TooLarge
from imgvec.undo import undone

LONGEST_ID: Final = 64
"""Characters; every generated id is shorter."""

MOST_OPEN: Final = 1000
"""Unfinished uploads of a consumer."""

TIDIED: Final = 20
"""Expired uploads that are removed in one call, at some milliseconds each."""


class Lifecycle:
    """The status changes of an asset, without consumers, tokens and limits."""

    def __init__(self, store: AssetStore, blobs: BlobStore, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since the epoch."""
        self._store = store
        self._blobs = blobs
        self._clock = clock

    def begin(self, asset: Asset) -> Asset:
        """Store the metadata of a new, open asset.

        Raises:
            TooManyUploads: the consumer has `MOST_OPEN` unfinished ones.
        """
        # The client does not get the id, so it could not delete the asset.
        with undone(lambda: self._withdraw(asset)):
            self._store.add_asset(asset, MOST_OPEN)
        return asset

    def get(self, asset_id: str) -> Asset:
        """The asset, of any consumer.

        Raises:
            AssetNotFound: it is unknown or expired.
        """
        # A client may send an id that a store cannot encode, or that is longer than its keys.
        possible = asset_id.isascii() and len(asset_id) <= LONGEST_ID
        asset = self._store.get_asset(asset_id) if possible else None
        if asset is None:
            raise AssetNotFound
        if asset.status != "SUCCESS" and asset.created < self._oldest_unfinished():
            raise AssetNotFound
        return asset

    def start(self, asset: Asset) -> bool:
        """Begin an attempt; False if the status has changed since it was read."""
        return self._move(asset, "UPLOADING")

    def take(self, asset_id: str, data: Iterable[bytes], storage: int | None = None) -> Asset:
        """Store the bytes of an asset that is UPLOADING, then let it be read.

        Of two concurrent attempts the first complete one is kept, and both return its asset.

        Raises:
            AssetNotFound: the asset was deleted meanwhile.
            TooLarge: raised by `data`; the asset is FAILED for good.
            StorageFull: the consumer's files would take more than `storage` bytes; as above.
        """
        # A client may try again after any failure except a file that passes a limit.
        with undone(lambda: self._reopen(asset_id)):
            try:
                size = self._blobs.write(asset_id, data)
                asset = self._settle(asset_id, "SUCCESS", size, storage)
            except (TooLarge, StorageFull):
                failed = self._settle(asset_id, "FAILED", 0)
                if failed is None or failed.status == "FAILED":
                    self._blobs.delete(asset_id)
                raise
        if asset is None or asset.status == "FAILED":
            # A concurrent delete may have run before these bytes were written.
            self._blobs.delete(asset_id)
            raise AssetNotFound
        return asset

    def read(self, asset: Asset) -> bytes:
        """All bytes.

        Raises:
            AssetNotFound: the asset is unfinished, or was deleted meanwhile.
        """
        with self.open(asset) as file:
            return file.read()

    def open(self, asset: Asset) -> BinaryIO:
        """The bytes as an open file.

        Raises:
            AssetNotFound: the asset is unfinished, or was deleted meanwhile.
        """
        file = self._blobs.open(asset.asset_id) if asset.status == "SUCCESS" else None
        if file is None:
            raise AssetNotFound
        return file

    def forget(self, asset: Asset) -> bool:
        """Delete bytes and metadata; False if the status has changed since it was read."""
        # After a crash between the steps the asset is FAILED: unreadable, and it expires.
        with undone(lambda: self._move(replace(asset, status="FAILED"), asset.status, asset.size)):
            if not self._move(asset, "FAILED"):
                return False
            self._blobs.delete(asset.asset_id)
        self._store.delete_asset(asset.asset_id)
        return True

    def drop(self, asset_id: str) -> None:
        """Delete an asset whose id no client has; absent is fine."""
        asset = self._store.get_asset(asset_id)
        if asset is not None:
            self.forget(asset)

    def purge(self, asset_id: str) -> None:
        """Delete an asset with all versions of its bytes; absent is fine, and so is a repeat.

        A finished asset keeps its status until its bytes are gone: a failed one expires, and with
        it the only way to its bytes.
        """
        while (asset := self._store.get_asset(asset_id)) and asset.status in OPEN:
            self._move(asset, "FAILED")
        self._blobs.purge(asset_id)
        self._store.delete_asset(asset_id)

    def tidy(self) -> None:
        """Remove up to `TIDIED` uploads that have expired."""
        for asset in self._store.expired_assets(self._oldest_unfinished(), TIDIED):
            self.forget(asset)

    def _move(
        self, asset: Asset, target: UploadStatus, size: int = 0, storage: int | None = None
    ) -> bool:
        return self._store.move_asset(
            asset.asset_id, asset.status, target, size=size, when=self._clock(), storage=storage
        )

    def _withdraw(self, asset: Asset) -> None:
        """Delete an asset that nothing was done with; another one of its id stays."""
        if self._store.get_asset(asset.asset_id) == asset:
            self.forget(asset)

    def _reopen(self, asset_id: str) -> None:
        self._store.move_asset(asset_id, "UPLOADING", "WAITING", size=0, when=self._clock())

    def _settle(
        self, asset_id: str, target: UploadStatus, size: int, storage: int | None = None
    ) -> Asset | None:
        """Move an open asset to a final status; returns it, also if another request ended it."""
        while (asset := self._store.get_asset(asset_id)) and asset.status in OPEN:
            self._move(asset, target, size, storage)
        return asset

    def _oldest_unfinished(self) -> float:
        return self._clock() - UNFINISHED_SECONDS
