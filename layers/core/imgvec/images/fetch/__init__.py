"""Downloads of image URLs, guarded against being led into private networks."""

from collections.abc import Callable, Coroutine
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from imgvec.errors import FetchOff
from imgvec.images.fetch.urls import parse_allow
from imgvec.settings import Settings

if TYPE_CHECKING:
    from imgvec.images.fetch.client import Fetcher

Fetch: TypeAlias = Callable[[str, int | None], Coroutine[None, None, bytes]]
"""Downloads a URL, up to a number of bytes below the setting's; raises as `Fetcher.fetch`."""


def fetch_of(settings: Settings) -> Fetch:
    """Give the function that downloads image URLs.

    Its HTTP client is imported with the first URL: many callers send none, and a start is billed.

    Raises:
        SettingsError: `IMGVEC_FETCH_ALLOW` names no host.
    """
    allow = parse_allow(settings.fetch_allow)

    @cache
    def fetcher(max_bytes: int) -> "Fetcher":
        from imgvec.images.fetch.client import Fetcher

        return Fetcher(
            allow=allow,
            timeout=settings.fetch_timeout,
            max_bytes=max_bytes,
            contact=settings.fetch_contact or str(settings.public_url or ""),
        )

    async def fetch(url: str, most: int | None) -> bytes:
        if not settings.fetch:
            raise FetchOff
        limit = settings.max_image if most is None else min(most, settings.max_image)
        return await fetcher(limit).fetch(url)

    return fetch
