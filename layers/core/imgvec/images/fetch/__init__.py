"""What reads images, as the settings want it."""

from collections.abc import Callable, Coroutine
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from imgvec.images.limits import ImageLimits
from imgvec.images.urls import parse_allow
from imgvec.settings import Settings

if TYPE_CHECKING:
    from imgvec.images.fetch import Fetcher

Fetch: TypeAlias = Callable[[str], Coroutine[None, None, bytes]]
"""Downloads a URL; raises what `Fetcher.fetch` raises."""


def limits_of(settings: Settings) -> ImageLimits:
    """How large an image may be."""
    return ImageLimits(
        max_bytes=settings.max_image,
        max_pixels=settings.max_pixels,
        max_frames=settings.max_frames,
    )


def fetch_of(settings: Settings) -> Fetch:
    """What fetches images from URLs. Its HTTP client is imported with the first: many callers send
    none, and a start is billed.

    Raises:
        SettingsError: `IMGVEC_FETCH_ALLOW` names no host.
    """
    allow = parse_allow(settings.fetch_allow)

    @cache
    def fetcher() -> "Fetcher":
        from imgvec.images.fetch import Fetcher

        return Fetcher(allow=allow, timeout=settings.fetch_timeout, max_bytes=settings.max_image)

    async def fetch(url: str) -> bytes:
        return await fetcher().fetch(url)

    return fetch
