"""Uploaded files, each seen only by the consumer that owns it."""

import hashlib
import hmac
import re
import secrets
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import PurePosixPath
from typing import BinaryIO, Final

from imgvec.assets.lifecycle import Lifecycle
from imgvec.assets.ports import OPEN, Asset, AssetStore, BlobStore, DirectAccess, UploadStatus
from imgvec.errors import AssetNotFound, ImageTooLarge, StorageFull
from imgvec.types import Plan, within
from imgvec.undo import undone

LONGEST = 255
UNNAMED = "unnamed"

_SEPARATOR = re.compile(r"[/\\]")
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories: control, format (direction overrides), lone surrogates, line separators."""


def clean_filename(name: str) -> str:
    """Reduce a client's file name to one visible path component of at most 255 characters.

    A longer name is cut at its beginning, so that it keeps its extension; an empty one becomes
    `unnamed`.
    """
    last = _SEPARATOR.split(name)[-1]
    visible = "".join(char for char in last if unicodedata.category(char) not in _INVISIBLE)
    cleaned = visible.strip()[-LONGEST:].strip()
    return UNNAMED if cleaned in {"", ".", ".."} else cleaned


def extension(filename: str) -> str:
    """The part after the last dot, in lower case; empty without a dot."""
    return PurePosixPath(filename).suffix.removeprefix(".").lower()


UPLOAD_SECONDS: Final = 15 * 60
"""Life of an upload URL and its token."""

DOWNLOAD_SECONDS: Final = 5 * 60
"""Life of a presigned download URL."""


class Assets:
    """Assets of consumers. Calls block and are thread-safe; the dialects make ids by `ids`."""

    def __init__(
        self,
        store: AssetStore,
        blobs: BlobStore,
        *,
        max_bytes: int,
        clock: Callable[[], float] = time.time,
        direct: DirectAccess | None = None,
        plan_of: Callable[[str], Plan | None] = lambda consumer: None,
    ) -> None:
        """`max_bytes` limits one file (`IMGVEC_MAX_IMAGE`); `direct` is the same store."""
        self._store = store
        self._lifecycle = Lifecycle(store, blobs, clock)
        self._max_bytes = max_bytes
        self._clock = clock
        self._direct = direct
        self._plan_of = plan_of
        self.tidy = self._lifecycle.tidy
        self.purge = self._lifecycle.purge

    def upload(self, consumer: str, filename: str, data: bytes, asset_id: str) -> Asset:
        """Store a file from a request's body, under a new id.

        Raises:
            ImageTooLarge: the file is over `max_bytes` or the plan's limit; nothing is stored.
            StorageFull: the plan has too few bytes left; nothing is stored.
            TooManyUploads: too many uploads of the consumer are unfinished.
        """
        plan = self._plan_of(consumer)
        most = within(plan, self._max_bytes)
        if len(data) > most:
            raise ImageTooLarge.over(most)
        self._check_room(consumer, plan, len(data))
        self._begin(consumer, filename, asset_id, "UPLOADING", None)
        # The client does not get the id of a failed upload, so it could not delete the asset.
        with undone(lambda: self._lifecycle.drop(asset_id)):
            return self._lifecycle.take(asset_id, (data,), _storage(plan))

    def reserve(self, consumer: str, filename: str, asset_id: str) -> tuple[Asset, str]:
        """Prepare an upload under a new id; returns its token, valid for `UPLOAD_SECONDS`.

        Raises:
            StorageFull: the plan has no byte left.
            TooManyUploads: too many uploads of the consumer are unfinished.
        """
        token = secrets.token_urlsafe(32)
        self._check_room(consumer, self._plan_of(consumer), 1)
        return self._begin(consumer, filename, asset_id, "WAITING", _digest(token)), token

    def reserved(self, asset_id: str, token: str) -> Asset:
        """The open upload of this token.

        Raises:
            AssetNotFound: the asset is unknown, or the token is wrong, expired or spent.
        """
        asset = self._lifecycle.get(asset_id)
        if not hmac.compare_digest(asset.upload_token or "", _digest(token)):
            raise AssetNotFound
        if asset.status not in OPEN or self._clock() >= asset.created + UPLOAD_SECONDS:
            raise AssetNotFound
        return asset

    def receive(self, asset_id: str, token: str, data: Iterable[bytes]) -> Asset:
        """Store the bytes of a reserved upload; the token is the permission.

        An interrupted attempt, also by a crash, may be repeated while the token is valid.

        Raises:
            AssetNotFound: the asset is unknown, or the token is wrong, expired or spent.
            ImageTooLarge: the file is over `max_bytes` or the plan's limit; the upload has failed.
            StorageFull: the plan has too few bytes left; the upload has failed.
        """
        while not self._lifecycle.start(asset := self.reserved(asset_id, token)):
            pass
        return self._take(asset, data)

    def put_address(self, asset: Asset) -> str | None:
        """The presigned upload URL of a reserved upload; None if this service takes the bytes."""
        if self._direct is None:
            return None
        return self._direct.put_address(asset.asset_id, UPLOAD_SECONDS)

    def get_address(self, asset: Asset, media_type: str, disposition: str) -> str | None:
        """The presigned download URL of a finished asset; None if this service sends the bytes.

        Raises:
            AssetNotFound: it is unfinished.
        """
        if self._direct is None:
            return None
        if asset.status != "SUCCESS":
            raise AssetNotFound
        headers = {
            "ResponseContentType": media_type,
            "ResponseContentDisposition": disposition,
        }
        return self._direct.get_address(asset.asset_id, DOWNLOAD_SECONDS, headers)

    def collect(self, asset_id: str) -> None:
        """Store the bytes that a client has uploaded to the bucket directly, if there are any.

        Called by the bucket's event and by the first use of the asset; a second call is harmless.

        Raises:
            AssetNotFound: the asset is unknown, or was deleted meanwhile.
            ImageTooLarge: the file is over `max_bytes` or the plan's limit; the upload has failed.
            StorageFull: the plan has too few bytes left; the upload has failed.
        """
        if self._direct is None:
            return
        data = self._direct.arrived(asset_id)
        if data is None:
            return
        try:
            # Discard the upload only once the asset is final: a concurrent attempt may still fail,
            # and then this one tries again.
            while (asset := self._lifecycle.get(asset_id)).status in OPEN:
                if self._lifecycle.start(asset):
                    self._take(asset, data)
        except (AssetNotFound, ImageTooLarge, StorageFull):
            self._direct.discard(asset_id)
            raise
        self._direct.discard(asset_id)

    def find(self, consumer: str, asset_id: str) -> Asset:
        """The asset, in any status.

        Raises:
            AssetNotFound: it is unknown, expired, or another consumer's.
        """
        asset = self._lifecycle.get(asset_id)
        if asset.consumer != consumer:
            raise AssetNotFound
        if self._direct is not None and asset.status in OPEN:
            # The caller sees by the status FAILED that an upload passed a limit.
            with suppress(ImageTooLarge, StorageFull):
                self.collect(asset_id)
            asset = self._lifecycle.get(asset_id)
        return asset

    def read(self, consumer: str, asset_id: str) -> bytes:
        """All bytes of a finished asset.

        Raises:
            AssetNotFound: it is unknown, unfinished, or another consumer's.
        """
        return self._lifecycle.read(self.find(consumer, asset_id))

    def open(self, asset: Asset) -> BinaryIO:
        """The bytes of an asset as an open file, which the caller closes.

        Raises:
            AssetNotFound: it is unfinished, or was deleted meanwhile.
        """
        return self._lifecycle.open(asset)

    def delete(self, consumer: str, asset_id: str) -> None:
        """Delete an asset and its bytes.

        Raises:
            AssetNotFound: it is unknown, expired, or another consumer's.
        """
        while not self._lifecycle.forget(self.find(consumer, asset_id)):
            pass

    def clear(self, consumer: str) -> int:
        """Delete all files of a consumer, unfinished ones too; returns their number."""
        found = self._store.list_assets(consumer)
        for asset in found:
            self._lifecycle.drop(asset.asset_id)
        return len(found)

    def _begin(
        self, consumer: str, filename: str, asset_id: str, status: UploadStatus, token: str | None
    ) -> Asset:
        now = self._clock()
        name = clean_filename(filename)
        return self._lifecycle.begin(Asset(asset_id, consumer, name, status, 0, now, now, token))

    def _check_room(self, consumer: str, plan: Plan | None, size: int) -> None:
        """Reject early an upload that would be rejected at its end."""
        storage = _storage(plan)
        if storage is not None and self._store.stored_bytes(consumer) + size > storage:
            raise StorageFull

    def _take(self, asset: Asset, data: Iterable[bytes]) -> Asset:
        plan = self._plan_of(asset.consumer)
        bounded = _bounded(data, within(plan, self._max_bytes))
        return self._lifecycle.take(asset.asset_id, bounded, _storage(plan))


def _storage(plan: Plan | None) -> int | None:
    return None if plan is None else plan.storage


def _bounded(data: Iterable[bytes], most: int) -> Iterator[bytes]:
    size = 0
    for chunk in data:
        size += len(chunk)
        if size > most:
            raise ImageTooLarge.over(most)
        yield chunk


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
