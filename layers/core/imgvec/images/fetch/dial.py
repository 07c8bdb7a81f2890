"""Connecting to a name: resolve once, judge every answer, dial only what was judged.

Between the judgement and the connection nothing asks for the name again, so a name server that
changes its answer (DNS rebinding) gains nothing. The judgement sits in the network backend, under
the HTTP client, so no request can come to pass around it (as in imgproxy and smokescreen).
"""

from collections.abc import Iterable
from ipaddress import ip_address

import httpcore2

from imgvec.errors import AddressRefused, FetchFailed
from imgvec.images.addresses import IPAddress, is_public
from imgvec.images.names import Resolver

MAX_DIALLED = 4
"""Addresses of one name that are tried, so that no name server can send us round the internet."""


class Dialer(httpcore2.AsyncNetworkBackend):
    """A network backend for one request, to a public address or a host that the operator named."""

    def __init__(
        self, allow: frozenset[tuple[str, int]], resolve: Resolver, resolve_allowed: Resolver
    ) -> None:
        """Keep the allowed (host, port) pairs, which skip the judgement, and both resolvers."""
        self._allow = allow
        self._resolve = resolve
        self._resolve_allowed = resolve_allowed
        self._network = httpcore2.AnyIOBackend()
        self._connected: list[httpcore2.AsyncNetworkStream] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address of `host` that answers within its share of `timeout`.

        Raises:
            AddressRefused: one of the addresses is not public.
            FetchFailed: no address, or none that answers.
            OSError: the resolver failed.
        """
        allowed = (host, port) in self._allow
        addresses = await self._addresses(host, port, allowed)
        if not allowed and not all(map(is_public, addresses)):
            raise AddressRefused
        dialled = addresses[:MAX_DIALLED]
        for address in dialled:
            try:
                stream = await self._network.connect_tcp(
                    str(address),
                    port,
                    timeout=None if timeout is None else timeout / len(dialled),
                    local_address=local_address,
                    socket_options=socket_options,
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
            self._connected.append(stream)
            return stream
        raise FetchFailed

    async def aclose(self) -> None:
        """Close what was connected.

        The HTTP client does so too, except where a deadline ends a TLS handshake: then it leaves
        the connection open.
        """
        for stream in self._connected:
            await stream.aclose()

    async def _addresses(self, host: str, port: int, allowed: bool) -> tuple[IPAddress, ...]:
        try:
            return (ip_address(host),)
        except ValueError:
            resolve = self._resolve_allowed if allowed else self._resolve
            return await resolve(host, port)
