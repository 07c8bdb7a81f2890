"""Which addresses the public internet routes to one host: the only ones that may be fetched from.

`ipaddress.is_global` is not enough: it lets multicast pass and, on Python 3.11, most of the IPv6
forms that carry an IPv4 address. So the judgement is a table, after the IANA special-purpose
registries (RFC 6890): an IPv4 address is public unless the table names it; an IPv6 address must
also lie in 2000::/3, all that IANA has given out as global unicast.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TypeAlias

IPAddress: TypeAlias = IPv4Address | IPv6Address

_REFUSED_V4 = {
    IPv4Network("0.0.0.0/8"): "this host on this network",
    IPv4Network("10.0.0.0/8"): "private use",
    IPv4Network("100.64.0.0/10"): "shared with a carrier; also a cloud's metadata",
    IPv4Network("127.0.0.0/8"): "loopback; the Lambda Runtime API",
    IPv4Network("168.63.129.16/32"): "a cloud's host agent on an address that looks public",
    IPv4Network("169.254.0.0/16"): "link-local; metadata and container credentials",
    IPv4Network("172.16.0.0/12"): "private use",
    IPv4Network("192.0.0.0/24"): "IETF protocol assignments; also a cloud's metadata",
    IPv4Network("192.0.2.0/24"): "documentation",
    IPv4Network("192.88.99.0/24"): "6to4 relay anycast, withdrawn",
    IPv4Network("192.168.0.0/16"): "private use",
    IPv4Network("198.18.0.0/15"): "benchmarking",
    IPv4Network("198.51.100.0/24"): "documentation",
    IPv4Network("203.0.113.0/24"): "documentation",
    IPv4Network("224.0.0.0/4"): "multicast",
    IPv4Network("240.0.0.0/4"): "reserved, and the limited broadcast",
}

_GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")
"""Leaves out, among others: ::1, mapped and compatible IPv4, both NAT64 prefixes, discard-only,
unique local, link-local, site-local and multicast."""

_REFUSED_V6 = {
    IPv6Network("2001::/23"): "IETF protocol assignments: Teredo, benchmarking, ORCHID",
    IPv6Network("2001:db8::/32"): "documentation",
    IPv6Network("2002::/16"): "6to4, carries an IPv4 address",
    IPv6Network("3ffe::/16"): "6bone, withdrawn",
    IPv6Network("3fff::/20"): "documentation",
}

_ISATAP = 0x0000_5EFE
_ISATAP_MASK = 0xFCFF_FFFF
"""RFC 5214, section 6.1: the interface identifier is 0000:5efe and an IPv4 address; the
universal/local and group bits may be set."""


def is_public(address: IPAddress) -> bool:
    """Whether the address is global unicast and carries no other address inside."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    return (
        address.scope_id is None
        and address in _GLOBAL_UNICAST_V6
        and not any(address in network for network in _REFUSED_V6)
        and int(address) >> 32 & _ISATAP_MASK != _ISATAP
    )
