"""Composes the application: settings, encoders, stores and all dialects in one process."""

import logging
from collections.abc import Mapping

from fastapi import FastAPI

from imgvec.aliases import Alias, Off, list_served, off_with_unserved, read_off
from imgvec.api.application import assemble
from imgvec.api.mounts import Mounts
from imgvec.dialects import all_dialects
from imgvec.embedding.compute import Compute
from imgvec.embedding.metered import StoredAccounts
from imgvec.embedding.service import EmbeddingService
from imgvec.embedding.sources import Sources
from imgvec.encoders.registry import Encoders, load_encoders, names_with
from imgvec.images.fetch import fetch_of
from imgvec.services import Services, open_services
from imgvec.settings import Settings, load_settings

log = logging.getLogger(__name__)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Load the encoders, open the stores, mount the dialects.

    Raises:
        ImgvecError: a setting, an encoder file or a store is invalid.
    """
    settings = settings or load_settings()
    switched_off = read_off(settings.aliases_off, _aliases())
    encoders = load_encoders(settings)
    off = off_with_unserved(switched_off, _aliases(), encoders.dimensions)
    _log_served(settings, encoders, off)
    services = open_services(settings)
    embedding = embedding_service(services, encoders)
    return assemble(services, Mounts(all_dialects()), embedding, off)


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


def _log_served(settings: Settings, encoders: Encoders, off: Mapping[str, Off]) -> None:
    """Log which vendors' models are served, where an encoder for some of them is missing."""
    wanted = {one for _, alias in _aliases() for one in alias.dimensions}
    missing = sorted(wanted - encoders.dimensions)
    if not missing:
        return
    fixes = [
        f"{one} dimensions: {', '.join(names_with(settings.models, one)) or 'none is built here'}"
        for one in missing
    ]
    log.info(
        "No encoder of IMGVEC_ENCODERS=%s has %s dimensions. Vendors' models that need them are "
        "off, and a request for one is 400:\n  %s\nEncoders that would serve them (`imgvec models "
        "list` has more):\n  %s",
        ",".join(settings.encoders),
        " and ".join(map(str, missing)),
        "\n  ".join(list_served(_aliases(), off)),
        "\n  ".join(fixes),
    )


def _aliases() -> list[tuple[str, Alias]]:
    return [(dialect.name, alias) for dialect in all_dialects() for alias in dialect.aliases]
