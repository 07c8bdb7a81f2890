"""Which store the settings mean."""

from imgvec.settings import Settings
from imgvec.stores.protocols import Store
from imgvec.stores.sqlite import SqliteStore


def store_of(settings: Settings) -> Store:
    """Open the store: one file in the data folder.

    Raises:
        StoreError: it cannot be used.
    """
    return SqliteStore(settings.data)
