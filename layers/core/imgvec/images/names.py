"""From a host name to addresses: DNS for strangers' names, the system for those an operator named.

The system's resolver blocks a thread that nothing can call back, so whoever asks for names that
their own name server never answers could use up all threads. A question to DNS is a datagram and a
deadline; it also leaves out what only the machine knows (its hosts file, search domains, multicast
DNS), which is what hosts in `IMGVEC_FETCH_ALLOW` may need.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, ip_address
from itertools import chain, zip_longest
from typing import TypeAlias

from imgvec.images.addresses import IPAddress

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
