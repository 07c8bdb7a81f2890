"""Everything but the bytes of assets in one DynamoDB table: the store of the cloud.

The table has a partition key `pk` and a sort key `sk`, both strings, is billed by request, and has
its time to live on `ttl`, which tidies and on which nothing depends. Collections that only
administrators list (`keys`, `plans`, `consumers`, `actions`) are one partition each.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from pydantic import TypeAdapter

from imgvec.accounts.ports import Identifier
from imgvec.assets.lifecycle import UNFINISHED_SECONDS
from imgvec.assets.ports import Asset, UploadStatus
from imgvec.errors import StoreError
from imgvec.stores.dynamodb.accounts import DynamoKeys, DynamoPlans, DynamoRecords
from imgvec.stores.dynamodb.meter import DynamoMeter
from imgvec.stores.dynamodb.table import Part, Table, make_client

_ASSET: Final = TypeAdapter(Asset)
_ONLY: Final = "asset"
"""Sort key: an asset is the one item of its partition."""


class DynamoAssets(Part):
    """An `AssetStore`."""

    def add_asset(self, asset: Asset) -> None:
        item = _ASSET.dump_python(asset, mode="json", exclude_none=True)
        if asset.status != "SUCCESS":
            item["ttl"] = int(asset.created) + UNFINISHED_SECONDS
        if not self._table.add(_partition(asset.asset_id), _ONLY, item).done:
            raise StoreError("There is an asset of this id.")

    def get_asset(self, asset_id: str) -> Asset | None:
        item = self._table.get(_partition(asset_id), _ONLY)
        return _ASSET.validate_python(item) if item else None

    def move_asset(
        self, asset_id: str, origin: UploadStatus, target: UploadStatus, *, size: int, when: float
    ) -> bool:
        finished = " REMOVE #ttl" if target == "SUCCESS" else ""
        return self._table.update(
            (_partition(asset_id), _ONLY),
            f"SET #status = :target, #size = :size, #modified = :when{finished}",
            "#status = :origin",
            {"origin": origin, "target": target, "size": size, "when": when},
        ).done

    def delete_asset(self, asset_id: str) -> bool:
        return self._table.delete(_partition(asset_id), _ONLY, "attribute_exists(#pk)").done

    def expired_assets(self, before: float) -> Sequence[Asset]:
        """None: DynamoDB's time to live removes unfinished uploads."""
        return ()


def _partition(asset_id: str) -> str:
    return f"asset {asset_id}"


_IDENTIFIERS: Final = "identifiers"
_IDENTIFIER: Final = TypeAdapter(Identifier)


class DynamoIdentifiers(Part):
    """An `IdentifierStore`. Look-ups are consistent, or a probe could pass under a shared name."""

    def find_identifier(self, consumer: str) -> Identifier | None:
        item = self._table.get(_IDENTIFIERS, consumer)
        return _IDENTIFIER.validate_python(item) if item else None

    def put_identifier(self, identifier: Identifier) -> None:
        self._table.put(_IDENTIFIERS, identifier.consumer, asdict(identifier))

    def list_identifiers(self) -> Sequence[Identifier]:
        return [_IDENTIFIER.validate_python(item) for item in self._table.query(_IDENTIFIERS)]

    def delete_identifier(self, consumer: str) -> None:
        self._table.delete(_IDENTIFIERS, consumer, "attribute_exists(#pk)")


class DynamoStore(
    DynamoKeys, DynamoPlans, DynamoMeter, DynamoRecords, DynamoAssets, DynamoIdentifiers
):
    """A `Store` and an `IdentifierStore` in one table, shared by many processes.

    Every method is one request where it is called for an image; none uses a transaction. Each may
    raise `StoreError`, or `TooFast` where DynamoDB throttles.
    """

    def __init__(self, table: str) -> None:
        """Make the client, once; nothing is asked of DynamoDB yet."""
        super().__init__(Table(make_client(), table))

    def close(self) -> None:
        """Close the connections."""
        self._table.close()
