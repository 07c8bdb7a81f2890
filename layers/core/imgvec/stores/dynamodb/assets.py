"""Metadata of assets in DynamoDB."""

from collections.abc import Sequence
from typing import Final

from pydantic import TypeAdapter

from imgvec.assets.lifecycle import UNFINISHED_SECONDS
from imgvec.assets.ports import Asset, UploadStatus
from imgvec.errors import StoreError
from imgvec.stores.dynamodb.part import Part

_ASSET: Final = TypeAdapter(Asset)
_ONLY: Final = "asset"
"""Sort key: an asset is the one item of its partition."""


class DynamoAssets(Part):
    """An `AssetStore`."""

    def add_asset(self, asset: Asset) -> None:
        """Store metadata of a new asset."""
        item = _ASSET.dump_python(asset, mode="json", exclude_none=True)
        if asset.status != "SUCCESS":
            item["ttl"] = int(asset.created) + UNFINISHED_SECONDS
        if not self._table.add(_partition(asset.asset_id), _ONLY, item).done:
            raise StoreError("There is an asset of this id.")

    def get_asset(self, asset_id: str) -> Asset | None:
        """The asset, whoever owns it; the caller judges ownership."""
        item = self._table.get(_partition(asset_id), _ONLY)
        return _ASSET.validate_python(item) if item else None

    def move_asset(
        self, asset_id: str, origin: UploadStatus, target: UploadStatus, *, size: int, when: float
    ) -> bool:
        """Change the status if it still is `origin`, atomically; False if it is not."""
        finished = " REMOVE #ttl" if target == "SUCCESS" else ""
        return self._table.update(
            (_partition(asset_id), _ONLY),
            f"SET #status = :target, #size = :size, #modified = :when{finished}",
            "#status = :origin",
            {"origin": origin, "target": target, "size": size, "when": when},
        ).done

    def delete_asset(self, asset_id: str) -> bool:
        """Forget the metadata; False if there was none."""
        return self._table.delete(_partition(asset_id), _ONLY, "attribute_exists(#pk)").done

    def expired_assets(self, before: float) -> Sequence[Asset]:
        """None: DynamoDB's time to live removes what is unfinished."""
        return ()


def _partition(asset_id: str) -> str:
    return f"asset {asset_id}"
