"""Downloads of image URLs, guarded against being led into private networks."""

from collections.abc import Callable, Coroutine
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from imgvec.images.fetch.urls import parse_allow
from imgvec.settings import Settings

if TYPE_CHECKING:
    from imgvec.images.fetch.client import Fetcher

Fetch: TypeAlias = Callable[[str], Coroutine[None, None, bytes]]
"""Downloads a URL; raises what `Fetcher.fetch` raises."""


def fetch_of(settings: Settings) -> Fetch:
    """Give the function that downloads image URLs.

    Its HTTP client is imported with the first URL: many callers send none, and a start is billed.

    Raises:
        SettingsError: `IMGVEC_FETCH_ALLOW` names no host.
    """
    allow = parse_allow(settings.fetch_allow)

    @cache
    def fetcher() -> "Fetcher":
        from imgvec.images.fetch.client import Fetcher

        return Fetcher(
            allow=allow,
            timeout=settings.fetch_timeout,
            max_bytes=settings.max_image,
            contact=settings.fetch_contact,
        )

    async def fetch(url: str) -> bytes:
        return await fetcher().fetch(url)

    return fetch
