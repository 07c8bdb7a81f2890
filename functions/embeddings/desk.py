"""On a desk there is no table and nobody makes keys, so the key of `events/` is known there."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from imgvec.consumers.keys import digest
from imgvec.stores.protocols import KeyRecord
from imgvec.stores.sqlite import SqliteStore

DESK_KEY: Final = "imgvec_0000000000000000000000000002sKcu1"
"""In every file of `events/`. It opens nothing but `sam local` on the machine of whoever types."""


def on_a_desk(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this is `sam local` with embedded stores; AWS never sets its variable."""
    return environment.get("AWS_SAM_LOCAL") == "true" and not environment.get("IMGVEC_TABLE")


def add_desk_key(data: Path) -> None:
    """Let the embedded store in this folder know the key."""
    store = SqliteStore(data)
    if store.find_key(digest(DESK_KEY)) is None:
        store.add_key(KeyRecord("k_desk", "desk", digest(DESK_KEY), created=time.time()))
    store.close()
