"""The application, put together: one process, one encoder load, every dialect."""

from fastapi import FastAPI

from imgvec.aliases import Alias, check_aliases, read_off
from imgvec.dialects import all_dialects
from imgvec.encoders.registry import load_encoders
from imgvec.flow.front import open_stores
from imgvec.flow.service import Service
from imgvec.http.web import assemble
from imgvec.images.configured import fetch_of
from imgvec.settings import Settings, load_settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """Load the encoders, open the stores, mount the dialects.

    Raises:
        ImgvecError: a setting, an encoder file or a store is not as it should be.
    """
    settings = settings or load_settings()
    off = read_off(settings.aliases_off, _aliases())
    encoders = load_encoders(settings)
    widths = frozenset(width for encoder in encoders for width in encoder.dimensions)
    check_aliases(_aliases(), widths, off)
    service = Service(settings, open_stores(settings), fetch_of(settings), encoders)
    routers = [router for one in all_dialects() for router in (one.router, one.assets)]
    return assemble(service, routers, off)


def _aliases() -> list[tuple[str, Alias]]:
    return [(dialect.name, alias) for dialect in all_dialects() for alias in dialect.aliases]
