"""Downloading an image from somebody else's server, without being led anywhere else.

Rules and their reasons are those of a server that fetches on behalf of strangers: each hop is
judged anew, one deadline holds for everything, the size is bounded while it streams, and no answer
of the other side, nor its address, is ever told to the caller.
"""

import asyncio
import functools
import ssl
import zlib
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import httpcore2

from imgvec import __version__
from imgvec.errors import AddressRefused, FetchFailed, ImageTooLarge
from imgvec.images.fetch.dial import Dialer, Resolver, dns_resolve, system_resolve
from imgvec.images.fetch.urls import DEFAULT_PORTS, Target, follow, parse_url

MAX_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})

COMPRESSED = frozenset({b"gzip", b"x-gzip", b"deflate"})
"""Content codings that are inflated, though none is asked for (RFC 9110, section 8.4.1). Objects in
buckets are labelled with others that mean nothing: `utf-8`, `none`, `binary`."""
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32

_HEADERS = {
    # Some hosts answer 406 where no type of theirs is named.
    "Accept": "image/jpeg,image/png,image/webp,image/gif,image/tiff,image/bmp,image/*;q=0.8,"
    "*/*;q=0.1",
    "Accept-Encoding": "identity",
    "Connection": "close",
}


class Fetcher:
    """Downloads images. It holds no connection and no event loop, so any loop can use it."""

    def __init__(
        self,
        *,
        allow: frozenset[tuple[str, int]],
        timeout: float,
        max_bytes: int,
        resolve: Resolver = dns_resolve,
        resolve_allowed: Resolver = system_resolve,
        ssl_context: ssl.SSLContext | None = None,
        contact: str = "",
    ) -> None:
        """Keep the rules of every fetch.

        Args:
            allow: (host, port) pairs that skip the judgement of port and address, and nothing else.
            timeout: seconds for a whole fetch: look-up, redirects and the last byte.
            max_bytes: the largest body.
            resolve: what looks strangers' names up.
            resolve_allowed: what looks up the names in `allow`.
            ssl_context: whom to trust; without one, the authorities that the system trusts.
            contact: an address of the operator for the User-Agent; some hosts ask for one.
        """
        agent = f"imgvec/{__version__}" + (f" (+{contact})" if contact else "")
        self._headers = [("User-Agent", agent), *_HEADERS.items()]
        self._allow = allow
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._resolve = resolve
        self._resolve_allowed = resolve_allowed
        self._ssl_context = ssl_context

    async def fetch(self, url: str) -> bytes:
        """Download a URL.

        Raises:
            BadParameter: it is no valid http(s) URL.
            AddressRefused: it, or a redirect from it, leads where nobody may fetch from.
            ImageTooLarge: the body passes `max_bytes`.
            FetchFailed: anything else than a body with status 200, complete and in time.
        """
        target = parse_url(url)
        try:
            async with asyncio.timeout(self._timeout):
                return await self._follow(target)
        except (
            httpcore2.NetworkError,
            httpcore2.TimeoutException,
            httpcore2.ProtocolError,
            OSError,  # of the resolver and of TLS; TimeoutError, of the deadline, is one too
            zlib.error,
        ):
            raise FetchFailed from None

    async def _follow(self, target: Target) -> bytes:
        """Ask one server after the other until one has the image."""
        for _ in range(MAX_REDIRECTS + 1):
            found = await self._hop(target)
            if isinstance(found, bytes):
                return found
            target = found
        raise FetchFailed

    async def _hop(self, target: Target) -> bytes | Target:
        """Ask one server: the image, or where it says the image is."""
        if target.port not in DEFAULT_PORTS.values() and (
            (target.host, target.port) not in self._allow
        ):
            raise AddressRefused
        async with self._get(target) as response:
            if response.status in REDIRECTS:
                return follow(target, _values(response, b"location"))
            if response.status != 200:
                raise FetchFailed
            return await self._read(response)

    @asynccontextmanager
    async def _get(self, target: Target) -> AsyncIterator[httpcore2.Response]:
        """Send the request on a connection of its own and close both after use."""
        secure = target.scheme == "https"
        url = httpcore2.URL(
            scheme=target.scheme, host=target.host, port=target.port, target=target.path
        )
        async with (
            aclosing(Dialer(self._allow, self._resolve, self._resolve_allowed)) as dialer,
            httpcore2.AsyncHTTPConnection(
                origin=url.origin,
                ssl_context=(self._ssl_context or _system_trust()) if secure else None,
                network_backend=dialer,
            ) as connection,
            connection.stream(
                "GET",
                url,
                headers=[("Host", target.authority), *self._headers],
                extensions={"timeout": {"connect": self._timeout}},
            ) as response,
        ):
            yield response

    async def _read(self, response: httpcore2.Response) -> bytes:
        """Read the body; reject it as soon as it is, or promises to be, too large."""
        if any(int(value) > self._max_bytes for value in _values(response, b"content-length")):
            raise ImageTooLarge.over(self._max_bytes)
        codings = _codings(response)
        if len(codings) > 1:
            raise FetchFailed
        inflater = zlib.decompressobj(_GZIP_OR_ZLIB) if codings else None
        body, received = bytearray(), 0
        async with aclosing(response.aiter_stream()) as chunks:
            async for chunk in chunks:
                received += len(chunk)
                # One byte more than may be is inflated, so that a bomb is seen and costs no more.
                room = self._max_bytes + 1 - len(body)
                body += chunk if inflater is None else inflater.decompress(chunk, room)
                # Compressed bytes may stand for nothing, and would be received for ever.
                if max(len(body), received) > self._max_bytes:
                    raise ImageTooLarge.over(self._max_bytes)
                if inflater is not None and inflater.unused_data:
                    raise FetchFailed
        if not body or (inflater is not None and not inflater.eof):
            raise FetchFailed
        return bytes(body)


def _codings(response: httpcore2.Response) -> list[bytes]:
    """The codings of a body that are inflated, in the order in which they were applied."""
    named = b",".join(_values(response, b"content-encoding")).lower().split(b",")
    return [one.strip() for one in named if one.strip() in COMPRESSED]


@functools.cache
def _system_trust() -> ssl.SSLContext:
    """Read the system's authorities, once and not before the first https fetch: it is slow."""
    return httpcore2.default_ssl_context()


def _values(response: httpcore2.Response, name: bytes) -> list[bytes]:
    """All values of a header, given by its name in lower case."""
    return [value for key, value in response.headers if key.lower() == name]
