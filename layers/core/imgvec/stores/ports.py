"""One store for accounts and assets: SQLite is one, a DynamoDB table another."""

from typing import Protocol

from imgvec.accounts.ports import AccountStore
from imgvec.assets.ports import AssetStore


class Store(AccountStore, AssetStore, Protocol):
    """All but the bytes of assets."""

    def close(self) -> None:
        """Close files and connections."""
