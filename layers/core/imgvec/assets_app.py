"""The application of files alone: no encoder, and nothing that computes is imported."""

from fastapi import FastAPI

from imgvec.dialects import all_dialects
from imgvec.flow.front import Front, open_stores
from imgvec.http.web import assemble
from imgvec.settings import Settings


def create_assets_app(settings: Settings) -> FastAPI:
    """Open the stores and mount what keeps files.

    Raises:
        ImgvecError: a setting or a store is not as it should be.
    """
    front = Front(settings, open_stores(settings))
    return assemble(front, [dialect.assets for dialect in all_dialects()], off={})
