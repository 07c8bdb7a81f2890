"""What the application needs of its stores; SQLite with a folder is one answer, DynamoDB another.

All calls block and are thread-safe. Times are seconds since the epoch, days are days of UTC.
"""

from typing import Protocol

from imgvec.stores.protocols.assets import Asset, AssetStore, BlobStore, UploadStatus
from imgvec.stores.protocols.claims import Claim, ClaimStore
from imgvec.stores.protocols.identifiers import GatewayKeys, Identifier, IdentifierStore, Tier
from imgvec.stores.protocols.keys import KeyRecord, KeyStore
from imgvec.stores.protocols.metering import Hold, Label, MeterStore, Standing, UsageRow
from imgvec.stores.protocols.plans import Action, PlanStore


class Store(KeyStore, PlanStore, MeterStore, ClaimStore, AssetStore, Protocol):
    """All but the bytes of assets."""

    def close(self) -> None:
        """Let go of files and connections."""


__all__ = [
    "Action",
    "Asset",
    "AssetStore",
    "BlobStore",
    "Claim",
    "ClaimStore",
    "GatewayKeys",
    "Hold",
    "Identifier",
    "IdentifierStore",
    "KeyRecord",
    "KeyStore",
    "Label",
    "MeterStore",
    "PlanStore",
    "Standing",
    "Store",
    "Tier",
    "UploadStatus",
    "UsageRow",
]
