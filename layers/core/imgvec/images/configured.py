"""What reads images, as the settings want it."""

from imgvec.images.fetch import Fetcher
from imgvec.images.limits import ImageLimits
from imgvec.images.urls import parse_allow
from imgvec.settings import Settings


def limits_of(settings: Settings) -> ImageLimits:
    """How large an image may be."""
    return ImageLimits(
        max_bytes=settings.max_image,
        max_pixels=settings.max_pixels,
        max_frames=settings.max_frames,
    )


def fetcher_of(settings: Settings) -> Fetcher:
    """Who fetches images from URLs.

    Raises:
        SettingsError: `IMGVEC_FETCH_ALLOW` names no host.
    """
    return Fetcher(
        allow=parse_allow(settings.fetch_allow),
        timeout=settings.fetch_timeout,
        max_bytes=settings.max_image,
    )
