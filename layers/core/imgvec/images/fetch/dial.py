"""Connecting to a name: resolve once, judge every answer, dial only what was judged.

Between the judgement and the connection nothing asks for the name again, so a name server that
changes its answer (DNS rebinding) gains nothing. The judgement sits in the network backend, under
the HTTP client, so no request can come to pass around it (as in imgproxy and smokescreen).

Strangers' names are resolved by DNS, names that an operator listed by the system. The system's
resolver blocks a thread that nothing can call back, so a caller who names hosts whose name server
never answers could use up all threads. A question to DNS is a datagram and a deadline; it also
leaves out names that only the machine knows (its hosts file, search domains, multicast DNS), which
hosts in `IMGVEC_FETCH_ALLOW` may need.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import IPv4Address, ip_address
from itertools import chain, zip_longest
from typing import TypeAlias

import httpcore2

from imgvec.errors import AddressRefused, FetchFailed
from imgvec.images.fetch.urls import IPAddress, is_public

Resolver: TypeAlias = Callable[[str, int], Awaitable[tuple[IPAddress, ...]]]
"""Gives all addresses of a host name, best first, for a port; raises `OSError` where none is."""


async def dns_resolve(host: str, port: int) -> tuple[IPAddress, ...]:
    """Ask the name servers of the system for both families, without a thread.

    The families alternate (RFC 8305, section 4), so that the few addresses that are tried hold one
    that this machine has a route to.

    Raises:
        OSError: neither family has an answer.
    """
    if f".{host}".endswith(".localhost"):
        # RFC 6761, section 6.3: never asked of DNS.
        return (IPv4Address("127.0.0.1"),)
    families = await asyncio.gather(*(_records(host, kind) for kind in ("A", "AAAA")))
    alternating = chain(*zip_longest(*families))
    addresses = tuple(address for address in alternating if address is not None)
    if not addresses:
        raise OSError("no address")
    return addresses


async def _records(host: str, kind: str) -> list[IPAddress]:
    """The addresses of one family; empty where the question fails, for the other may do."""
    # Slow to import, and few requests name a host.
    from dns.asyncresolver import Resolver as NameServers
    from dns.exception import DNSException

    try:
        # Read anew each time: a laptop changes its network. A name is absolute, never a part of
        # a search domain.
        answer = await NameServers().resolve(f"{host}.", kind)
    except DNSException:
        return []
    return [ip_address(record.to_text()) for record in answer]


async def system_resolve(host: str, port: int) -> tuple[IPAddress, ...]:
    """Ask the system's resolver, in a thread.

    Raises:
        OSError: no such name.
    """
    loop = asyncio.get_running_loop()
    answers = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(ip_address(str(answer[4][0])) for answer in answers)


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
            AddressRefused: `host` is an address that is not public.
            FetchFailed: no address, one that is not public, or none that answers: a name that is
                known inside must not answer otherwise than one that nobody knows.
            OSError: the resolver failed.
        """
        allowed = (host, port) in self._allow
        addresses = await self._addresses(host, port, allowed)
        if not allowed and not all(map(is_public, addresses)):
            raise AddressRefused if [host] == [str(one) for one in addresses] else FetchFailed
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
