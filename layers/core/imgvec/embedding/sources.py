"""Reads the bytes of images: from a URL, an asset or the request itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, TypeAlias

from imgvec.embedding.in_flight import InFlight
from imgvec.embedding.limiter import Limiter
from imgvec.embedding.types import (
    AssetRef,
    ImageBytes,
    ImageInput,
    ImageRead,
    ImageSource,
    ImageUrl,
    Part,
)
from imgvec.errors import FetchFailed, ImageTooLarge
from imgvec.images.fetch import Fetch
from imgvec.request_log import stage

FETCHES: Final = 32
"""Concurrent fetches of images, each up to `IMGVEC_MAX_IMAGE`."""
LOADS: Final = 8
"""Concurrent loads of assets. One consumer has half of either, so its slow sites stop no other."""

LoadAsset: TypeAlias = Callable[[str, str], Awaitable[bytes]]
"""Loads the asset of a consumer by its id; raises `AssetNotFound`."""


class Sources:
    """Reads the bytes of images in turn by consumer, with limits on number and bytes."""

    def __init__(
        self, fetch: Fetch, load_asset: LoadAsset, in_flight: InFlight, list_seconds: float
    ) -> None:
        """`load_asset` reads assets of a consumer; a list's URLs have `list_seconds` together."""
        self._fetch = fetch
        self._load_asset = load_asset
        self._in_flight = in_flight
        self._fetches = Limiter(FETCHES, FETCHES // 2)
        self._loads = Limiter(LOADS, LOADS // 2)
        self._list_seconds = list_seconds

    def deadline(self, parts: Sequence[Part]) -> float | None:
        """When the last of several URLs has to be fetched, on the event loop's clock."""
        sources = [one.source for one in parts if isinstance(one, ImageInput)]
        if sum(isinstance(source, ImageUrl) for source in sources) < 2:
            return None
        return asyncio.get_running_loop().time() + self._list_seconds

    @asynccontextmanager
    async def opened(
        self,
        source: ImageSource,
        consumer: str,
        most: int | None = None,
        deadline: float | None = None,
    ) -> AsyncIterator[bytes]:
        """The bytes of an image, counted as in flight for the length of the block.

        The permit is held until there is room for the bytes, so that no further image is read.

        Raises:
            ImageTooLarge: it has more than `most` bytes; a fetch ends there.
            RequestError: the image cannot be read; the error says why.
        """
        if isinstance(source, ImageBytes):
            yield _within(source.data, most)
            return
        async with AsyncExitStack() as held:
            limiter = self._fetches if isinstance(source, ImageUrl) else self._loads
            with stage("read"):
                async with limiter.permit(consumer):
                    data = _within(await self._read(source, consumer, most, deadline), most)
                    await held.enter_async_context(self._in_flight.holding(len(data), consumer))
            yield data

    async def _read(
        self,
        source: ImageUrl | AssetRef | ImageRead,
        consumer: str,
        most: int | None,
        deadline: float | None,
    ) -> bytes:
        match source:
            case ImageUrl(url):
                if deadline is not None and asyncio.get_running_loop().time() >= deadline:
                    raise FetchFailed
                try:
                    async with asyncio.timeout_at(deadline):
                        return await self._fetch(url, most)
                except TimeoutError:
                    raise FetchFailed from None
            case AssetRef(asset_id):
                return await self._load_asset(consumer, asset_id)
            case ImageRead(read):
                return await asyncio.to_thread(read)


def _within(data: bytes, most: int | None) -> bytes:
    if most is not None and len(data) > most:
        raise ImageTooLarge.over(most)
    return data
