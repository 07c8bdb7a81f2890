"""Composes the application of assets: no encoder, and neither NumPy nor ONNX Runtime."""

from fastapi import FastAPI

from imgvec.api.application import assemble
from imgvec.api.mounts import Mounts
from imgvec.dialects import all_dialects
from imgvec.services import open_services
from imgvec.settings import Settings


def create_assets_app(settings: Settings) -> FastAPI:
    """Open the stores and mount the asset routes of all dialects.

    Raises:
        ImgvecError: a setting or a store is invalid.
    """
    return assemble(open_services(settings), Mounts(all_dialects()))
