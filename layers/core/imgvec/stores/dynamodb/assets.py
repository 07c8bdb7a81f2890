"""Metadata of assets in DynamoDB, and the sums of their consumers.

    asset ID / asset              an asset
    files CONSUMER / total        bytes of the finished files
    files CONSUMER / open DAY     uploads begun on this day (UTC) and not finished; expires

A sum changes in one transaction with the asset that it counts. Uploads are rare beside images,
whose way through the table has no transaction.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter

from imgvec.assets.ports import OPEN, UNFINISHED_SECONDS, Asset, UploadStatus
from imgvec.errors import StorageFull, StoreError, TooManyUploads
from imgvec.stores.dynamodb.notation import Value
from imgvec.stores.dynamodb.table import ALWAYS, Part

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

_ASSET: Final = TypeAdapter(Asset)
_ONLY: Final = "asset"
"""Sort key: an asset is the one item of its partition."""


class DynamoAssets(Part):
    """An `AssetStore`."""

    def add_asset(self, asset: Asset, most_open: int | None = None) -> None:
        item = _ASSET.dump_python(asset, mode="json", exclude_none=True)
        if asset.status not in OPEN:
            added = self._table.add(_partition(asset.asset_id), _ONLY, item).done
        else:
            item["ttl"] = int(asset.created) + UNFINISHED_SECONDS
            new = self._table.addition(_partition(asset.asset_id), _ONLY, item)
            failed = self._table.transact(new, self._opened(asset, 1, most_open))
            if failed[1:] == [True]:
                raise TooManyUploads(retry_after=UNFINISHED_SECONDS)
            added = not failed
        if not added:
            raise StoreError("There is an asset of this id.")

    def get_asset(self, asset_id: str) -> Asset | None:
        item = self._table.get(_partition(asset_id), _ONLY)
        return _ASSET.validate_python(item) if item else None

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
        asset = self.get_asset(asset_id)
        if asset is None or asset.status != origin:
            return False
        if storage is not None and size > storage:
            raise StorageFull
        changes = [self._moved(asset, target, size, when)]
        opened = (target in OPEN) - (origin in OPEN)
        if opened:
            changes.append(self._opened(asset, opened))
        if "SUCCESS" in (origin, target):
            more = size if target == "SUCCESS" else -asset.size
            changes.append(self._stored(asset.consumer, more, storage))
        failed = self._table.transact(*changes)
        if failed and not failed[0]:
            # The sum's condition did not hold.
            raise StorageFull
        return not failed

    def delete_asset(self, asset_id: str) -> bool:
        return self._table.delete(_partition(asset_id), _ONLY, "attribute_exists(#pk)").done

    def stored_bytes(self, consumer: str) -> int:
        item = self._table.get(files_of(consumer), "total")
        stored = (item or {}).get("bytes", 0)
        return stored if isinstance(stored, int) else 0

    def list_assets(self, consumer: str) -> Sequence[Asset]:
        """The whole table is read: only an operator asks, and an index would cost each upload."""
        items = self._table.scan(
            "begins_with(pk, :assets) AND consumer = :consumer",
            {"assets": _partition(""), "consumer": consumer},
        )
        found = [_ASSET.validate_python(item) for item in items]
        return sorted(found, key=lambda asset: (asset.created, asset.asset_id))

    def expired_assets(self, before: float, most: int) -> Sequence[Asset]:
        """None: DynamoDB's time to live removes unfinished uploads."""
        return ()

    def _moved(
        self, asset: Asset, target: UploadStatus, size: int, when: float
    ) -> "TransactWriteItemTypeDef":
        values: dict[str, Value] = {"origin": asset.status, "target": target}
        change = "SET #status = :target, #size = :size, #modified = :when"
        if target == "SUCCESS":
            change += " REMOVE #ttl"
        else:
            # Also of a finished file whose deletion stops half-way: its metadata expire.
            change += ", #ttl = :ttl"
            values["ttl"] = int(asset.created) + UNFINISHED_SECONDS
        key = (_partition(asset.asset_id), _ONLY)
        values |= {"size": size, "when": when}
        return self._table.change(*key, change, "#status = :origin", values)

    def _opened(
        self, asset: Asset, more: int, most: int | None = None
    ) -> "TransactWriteItemTypeDef":
        """One more or one fewer unfinished upload of the asset's day."""
        day = datetime.fromtimestamp(asset.created, UTC).date().isoformat()
        ttl = int(asset.created) + 2 * UNFINISHED_SECONDS
        values: dict[str, Value] = {"more": more, "ttl": ttl}
        condition = ALWAYS
        if most is not None:
            condition = "attribute_not_exists(#count) OR #count < :most"
            values["most"] = most
        key = (files_of(asset.consumer), f"open {day}")
        return self._table.change(*key, "SET #ttl = :ttl ADD #count :more", condition, values)

    def _stored(self, consumer: str, more: int, storage: int | None) -> "TransactWriteItemTypeDef":
        """So many bytes more or fewer in the consumer's sum."""
        values: dict[str, Value] = {"more": more}
        condition = ALWAYS
        if storage is not None:
            condition = "attribute_not_exists(#bytes) OR #bytes <= :room"
            values["room"] = storage - more
        return self._table.change(
            files_of(consumer), "total", "ADD #bytes :more", condition, values
        )


def _partition(asset_id: str) -> str:
    return f"asset {asset_id}"


def files_of(consumer: str) -> str:
    """The partition of a consumer's sums."""
    return f"files {consumer}"
