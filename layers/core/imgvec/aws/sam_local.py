"""Settings for `sam local`: SQLite, and a fixed API key that the files in `events/` use."""

import os
import time
from collections.abc import Mapping
from typing import Final

from imgvec.accounts.keys import digest
from imgvec.accounts.ports import KeyRecord
from imgvec.settings import Settings
from imgvec.stores.sqlite import SqliteStore

DESK_KEY: Final = "imgvec_0000000000000000000000000002sKcu1"
"""The key in all files of `events/`; it is valid in `sam local` only."""


LOGICAL: Final = "Table"
"""The logical id of the table, which `sam local` sets in place of the table's name."""


def desk_settings(settings: Settings, environment: Mapping[str, str] = os.environ) -> Settings:
    """In `sam local`, use SQLite and add the fixed key; elsewhere return the same settings.

    AWS never sets `AWS_SAM_LOCAL`. A real table that `--env-vars` names is used as it is.
    """
    if environment.get("AWS_SAM_LOCAL") != "true" or settings.table not in (None, LOGICAL):
        return settings
    store = SqliteStore(settings.data)
    if store.find_key(digest(DESK_KEY)) is None:
        store.add_key(KeyRecord("k_desk", "desk", digest(DESK_KEY), created=time.time()))
    store.close()
    return settings.model_copy(update={"table": None, "bucket": None})
