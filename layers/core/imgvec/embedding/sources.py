"""Where images come from: how a request writes them, and how their bytes are read."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, TypeAlias

from imgvec.embedding.in_flight import InFlight
from imgvec.embedding.limiter import Limiter
from imgvec.embedding.types import AssetRef, ImageBytes, ImageSource, ImageUrl
from imgvec.errors import BadParameter
from imgvec.images.configured import Fetch
from imgvec.images.inline import decode_base64, decode_data_uri
from imgvec.record import stage

FETCHES: Final = 32
"""Images that are fetched at the same time, each up to `IMGVEC_MAX_IMAGE`."""
LOADS: Final = 8
"""Assets that are loaded at the same time."""

LoadAsset: TypeAlias = Callable[[str, str], Awaitable[bytes]]
"""Loads the asset of a consumer by its id; raises `AssetNotFound`."""


class Sources:
    """Reads the bytes of images, in turn by consumer and bounded in number and bytes."""

    def __init__(self, fetch: Fetch, load_asset: LoadAsset, in_flight: InFlight) -> None:
        """Read nothing yet."""
        self._fetch = fetch
        self._load_asset = load_asset
        self._in_flight = in_flight
        self._fetches = Limiter(FETCHES)
        self._loads = Limiter(LOADS)

    @asynccontextmanager
    async def opened(self, source: ImageSource, consumer: str) -> AsyncIterator[bytes]:
        """The bytes of an image, counted as in flight for the length of the block.

        The permit to read is kept until there is room for the bytes, so that no more are read.

        Raises:
            RequestError: the image cannot be had; the error says why.
        """
        if isinstance(source, ImageBytes):
            yield source.data
            return
        async with AsyncExitStack() as held:
            limiter = self._fetches if isinstance(source, ImageUrl) else self._loads
            with stage("read"):
                async with limiter.permit(consumer):
                    data = await self._read(source, consumer)
                    await held.enter_async_context(self._in_flight.holding(len(data)))
            yield data

    async def _read(self, source: ImageUrl | AssetRef, consumer: str) -> bytes:
        match source:
            case ImageUrl(url):
                return await self._fetch(url)
            case AssetRef(asset_id):
                return await self._load_asset(consumer, asset_id)


def is_url(text: str) -> bool:
    """Whether a string is an http(s) URL."""
    return text[:8].lower().startswith(("http://", "https://"))


def is_data_uri(text: str) -> bool:
    """Whether a string is a data URI."""
    return text[:5].lower() == "data:"


def linked_image(text: str, max_bytes: int) -> ImageSource:
    """An image given as http(s) URL or data URI.

    Raises:
        BadParameter: it is neither, or the data URI does not decode.
        TooLarge: the data URI holds more than `max_bytes`.
    """
    if is_url(text):
        return ImageUrl(text)
    if is_data_uri(text):
        return ImageBytes(decode_data_uri(text, max_bytes))
    raise BadParameter("The image must be an http(s) URL or a data URI")


def written_image(text: str, max_bytes: int) -> ImageSource:
    """An image given as http(s) URL, data URI or bare base64.

    Raises:
        BadParameter: it does not decode.
        TooLarge: it holds more than `max_bytes`.
    """
    if is_url(text) or is_data_uri(text):
        return linked_image(text, max_bytes)
    return ImageBytes(decode_base64(text, max_bytes))
