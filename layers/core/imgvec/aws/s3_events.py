"""Handles S3 events of finished uploads by presigned URL."""

import logging
from collections.abc import Mapping
from typing import Any

from imgvec.assets.service import Assets
from imgvec.errors import RequestError, TooFast
from imgvec.stores.s3 import INCOMING

log = logging.getLogger(__name__)


def take_arrival(event: Mapping[str, Any], assets: Assets) -> None:
    """Complete the upload that an event reports; the event may come twice, or late.

    Raises:
        TooFast, StoreError: the platform sends the event again, and finally to the dead-letter
            queue.
    """
    key = str(event["detail"]["object"]["key"])
    try:
        assets.collect(key.removeprefix(INCOMING))
    except TooFast:
        raise
    except RequestError as error:
        # Too large, or of no known asset: the file is deleted, so a retry would change nothing.
        log.warning("an upload was not taken: %s", error.message)
