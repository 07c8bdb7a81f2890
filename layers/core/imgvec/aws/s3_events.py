"""A bucket's word that a client has put a file by a signed address."""

import logging
from collections.abc import Mapping
from typing import Any

from imgvec.assets.service import Assets
from imgvec.errors import RequestError, TooFast
from imgvec.stores.s3 import INCOMING

log = logging.getLogger(__name__)


def take_arrival(event: Mapping[str, Any], assets: Assets) -> None:
    """Complete the upload that an event of S3 is about; the event may come twice, or late.

    Raises:
        TooFast, StoreError: for the platform to send the event again, and in the end to the
            dead-letter queue.
    """
    key = str(event["detail"]["object"]["key"])
    try:
        assets.collect(key.removeprefix(INCOMING))
    except TooFast:
        raise
    except RequestError as refused:
        # Too large, or nobody's: it is removed, and sending the event again would change nothing.
        log.warning("an upload was not taken: %s", refused.message)
