"""On a desk there is no table and nobody makes keys, so the key of `events/` is known there."""

import os
import time
from collections.abc import Mapping
from typing import Final

from imgvec.accounts.keys import digest
from imgvec.accounts.ports import KeyRecord
from imgvec.settings import Settings
from imgvec.stores.sqlite import SqliteStore

DESK_KEY: Final = "imgvec_0000000000000000000000000002sKcu1"
"""In every file of `events/`. It opens nothing but `sam local` on the machine of whoever types."""


LOGICAL: Final = "Table"
"""What `sam local` puts in the place of the table's name: the resource's own."""


def desk_settings(settings: Settings, environment: Mapping[str, str] = os.environ) -> Settings:
    """In `sam local`, embedded stores that know the desk's key; elsewhere the same settings.

    AWS never sets the variable of `sam local`. A real table, named by `--env-vars`, stands.
    """
    if environment.get("AWS_SAM_LOCAL") != "true" or settings.table not in (None, LOGICAL):
        return settings
    store = SqliteStore(settings.data)
    if store.find_key(digest(DESK_KEY)) is None:
        store.add_key(KeyRecord("k_desk", "desk", digest(DESK_KEY), created=time.time()))
    store.close()
    return settings.model_copy(update={"table": None, "bucket": None})
