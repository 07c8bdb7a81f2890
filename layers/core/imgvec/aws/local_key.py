"""The key of `sam local`, whose containers start with an empty store and reach none of the host."""

import os
import time
from collections.abc import Mapping
from contextlib import closing

from imgvec.accounts.ports import KeyRecord
from imgvec.settings import Settings
from imgvec.stores import store_of


def add_local_key(settings: Settings, environment: Mapping[str, str] = os.environ) -> None:
    """Add the key whose SHA-256 is in `LOCAL_KEY_SHA256`; `events/env.json` sets it.

    AWS never sets `AWS_SAM_LOCAL`, and a table has keys of its own.
    """
    digest = environment.get("LOCAL_KEY_SHA256")
    if not digest or settings.table is not None or environment.get("AWS_SAM_LOCAL") != "true":
        return
    with closing(store_of(settings)) as store:
        if store.find_key(digest) is None:
            store.add_key(KeyRecord("k_local", "local", digest, created=time.time()))
