"""The application of files alone: no encoder, and nothing that computes is imported."""

from fastapi import FastAPI

from imgvec.api.application import assemble
from imgvec.api.mounts import Mounts
from imgvec.dialects import all_dialects
from imgvec.services import open_services
from imgvec.settings import Settings


def create_assets_app(settings: Settings) -> FastAPI:
    """Open the stores and mount what keeps files.

    Raises:
        ImgvecError: a setting or a store is not as it should be.
    """
    return assemble(open_services(settings), Mounts(all_dialects()))
