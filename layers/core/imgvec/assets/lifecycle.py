"""Keeps an asset's metadata and bytes in step, whatever crashes and whoever else is at work.

    WAITING -> UPLOADING -> SUCCESS
       ^___________|   \\--> FAILED

An attempt that breaks off goes back to WAITING; SUCCESS and FAILED are final. Metadata comes first
and goes last, bytes can be read only under SUCCESS, and whatever a crash leaves is unfinished and
expires: so no half asset can be read, and no bytes stay behind.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import BinaryIO, Final

from imgvec.assets.ports import Asset, AssetStore, BlobStore, UploadStatus
from imgvec.errors import AssetNotFound, TooLarge
from imgvec.undo import undone

UNFINISHED_SECONDS: Final = 24 * 3600
"""Age at which an unfinished upload is unknown."""

LONGEST_ID: Final = 64
"""Characters; every id that is made here is shorter."""

OPEN: Final = frozenset[UploadStatus]({"WAITING", "UPLOADING"})
"""Statuses from which an upload can still succeed."""


class Lifecycle:
    """The steps that an asset can take; it knows no consumer, no token and no limit."""

    def __init__(self, store: AssetStore, blobs: BlobStore, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since the epoch, UTC."""
        self._store = store
        self._blobs = blobs
        self._clock = clock

    def begin(self, asset: Asset) -> Asset:
        """Store the metadata of a new, open asset; remove those that have expired."""
        self._tidy()
        self._store.add_asset(asset)
        return asset

    def get(self, asset_id: str) -> Asset:
        """The asset, whoever owns it.

        Raises:
            AssetNotFound: it is unknown or expired.
        """
        # A client can send what no store can encode, or is longer than its keys.
        possible = asset_id.isascii() and len(asset_id) <= LONGEST_ID
        asset = self._store.get_asset(asset_id) if possible else None
        if asset is None:
            raise AssetNotFound
        if asset.status != "SUCCESS" and asset.created < self._oldest_unfinished():
            self._tidy()
            raise AssetNotFound
        return asset

    def start(self, asset: Asset) -> bool:
        """Begin an attempt; False if the status has changed since it was read."""
        return self._move(asset, "UPLOADING")

    def take(self, asset_id: str, data: Iterable[bytes]) -> Asset:
        """Store the bytes of an asset that is UPLOADING, then let it be read.

        Of two attempts at the same time the first whole one stands, and both are told of it.

        Raises:
            AssetNotFound: the asset was deleted meanwhile.
            TooLarge: `data` raised it; the asset has failed for good.
        """
        # Another attempt may follow one that failed for any reason but its size.
        with undone(lambda: self._reopen(asset_id)):
            try:
                size = self._blobs.write(asset_id, data)
            except TooLarge:
                self._settle(asset_id, "FAILED", 0)
                raise
            asset = self._settle(asset_id, "SUCCESS", size)
        if asset is None or asset.status == "FAILED":
            # Whoever ended the asset meanwhile may not have seen these bytes.
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
        """The bytes to be read in pieces.

        Raises:
            AssetNotFound: the asset is unfinished, or was deleted meanwhile.
        """
        file = self._blobs.open(asset.asset_id) if asset.status == "SUCCESS" else None
        if file is None:
            raise AssetNotFound
        return file

    def forget(self, asset: Asset) -> bool:
        """Remove bytes and metadata; False if the status has changed since it was read."""
        # A crash after the first step leaves what cannot be read, and expires.
        with undone(lambda: self._move(replace(asset, status="FAILED"), asset.status, asset.size)):
            if not self._move(asset, "FAILED"):
                return False
            self._blobs.delete(asset.asset_id)
        self._store.delete_asset(asset.asset_id)
        return True

    def drop(self, asset_id: str) -> None:
        """Remove whatever there is of an asset that nobody knows of; absent is fine."""
        asset = self._store.get_asset(asset_id)
        if asset is not None:
            self.forget(asset)

    def _move(self, asset: Asset, target: UploadStatus, size: int = 0) -> bool:
        now = self._clock()
        return self._store.move_asset(asset.asset_id, asset.status, target, size=size, when=now)

    def _reopen(self, asset_id: str) -> None:
        self._store.move_asset(asset_id, "UPLOADING", "WAITING", size=0, when=self._clock())

    def _settle(self, asset_id: str, target: UploadStatus, size: int) -> Asset | None:
        """Bring an open asset to a final status, and give what it came to, perhaps by others."""
        while (asset := self._store.get_asset(asset_id)) and asset.status in OPEN:
            self._move(asset, target, size)
        return asset

    def _tidy(self) -> None:
        for asset in self._store.expired_assets(self._oldest_unfinished()):
            self.forget(asset)

    def _oldest_unfinished(self) -> float:
        return self._clock() - UNFINISHED_SECONDS
