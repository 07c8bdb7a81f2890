"""The parts of the assets function: its application, and the events of finished uploads."""

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from imgvec.api.application import assemble
from imgvec.api.mounts import Mounts
from imgvec.assets.service import Assets
from imgvec.dialects import all_dialects
from imgvec.errors import RequestError, TooFast
from imgvec.services import open_services
from imgvec.settings import Settings
from imgvec.stores.s3 import INCOMING

log = logging.getLogger(__name__)


def create_assets_app(settings: Settings) -> FastAPI:
    """Open the stores and mount the asset routes of all dialects; no encoder is imported.

    Raises:
        ImgvecError: a setting or a store is invalid.
    """
    return assemble(open_services(settings), Mounts(all_dialects()))


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
