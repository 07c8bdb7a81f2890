"""Composes the application: settings, encoders, stores and all dialects in one process."""

from fastapi import FastAPI

from imgvec.aliases import Alias, check_aliases, off_with_unserved, read_off
from imgvec.api.application import assemble
from imgvec.api.mounts import Mounts
from imgvec.dialects import all_dialects
from imgvec.embedding.compute import Compute
from imgvec.embedding.metered import StoredAccounts
from imgvec.embedding.service import EmbeddingService
from imgvec.embedding.sources import Sources
from imgvec.encoders.registry import Encoders, load_encoders
from imgvec.images.fetch import fetch_of
from imgvec.services import Services, open_services
from imgvec.settings import Settings, load_settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """Load the encoders, open the stores, mount the dialects.

    Raises:
        ImgvecError: a setting, an encoder file or a store is invalid.
    """
    settings = settings or load_settings()
    off = read_off(settings.aliases_off, _aliases())
    encoders = load_encoders(settings)
    served = frozenset(one for encoder in encoders for one in encoder.dimensions)
    check_aliases(_aliases(), served, off)
    off_here = off_with_unserved(off, _aliases(), served)
    services = open_services(settings)
    embedding = embedding_service(services, encoders)
    return assemble(services, Mounts(all_dialects()), embedding, off_here)


def embedding_service(services: Services, encoders: Encoders) -> EmbeddingService:
    """Compose the embedding service and start its threads."""
    settings = services.settings

    async def load_asset(consumer: str, asset_id: str) -> bytes:
        return await services.call(services.assets.read, consumer, asset_id)

    return EmbeddingService(
        encoders,
        Compute(encoders, settings),
        Sources(fetch_of(settings), load_asset, services.in_flight, settings.fetch_timeout),
        StoredAccounts(services.authenticator, services.meter, services.threads),
    )


def _aliases() -> list[tuple[str, Alias]]:
    return [(dialect.name, alias) for dialect in all_dialects() for alias in dialect.aliases]
