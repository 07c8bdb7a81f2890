"""Host names in one spelling, so that what is judged, allowed and dialled is the same thing."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

import idna

from imgvec.errors import AddressRefused, BadParameter

MAX_HOST = 253
"""RFC 1035, section 2.3.4, as text and without the final dot."""

# The underscore is no part of a host name (RFC 1123), but names of containers and buckets have it.
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def canonical_host(host: str) -> str:
    """Give a URL's host in lower-case ASCII, without brackets and without its final dot.

    Raises:
        AddressRefused: an IPv4 address in another spelling than four decimal numbers (octal,
            hexadecimal, short forms: resolvers read them, and differ), or an IPv6 zone.
        BadParameter: no host name and no address.
    """
    if host.startswith("[") and host.endswith("]"):
        return _canonical_v6(host[1:-1])
    name = _ascii(host).removesuffix(".").lower()
    labels = name.split(".")
    if len(name) > MAX_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise _no_host()
    # The WHATWG URL rule: a host whose last label is a number is an IPv4 address or nothing.
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(IPv4Address(name))
        except AddressValueError:
            raise AddressRefused from None
    return name


def _canonical_v6(text: str) -> str:
    if "%" in text:
        raise AddressRefused
    try:
        return str(IPv6Address(text))
    except AddressValueError:
        raise _no_host() from None


def _ascii(host: str) -> str:
    """Apply IDNA 2008 with the mappings of UTS 46, as browsers do."""
    if host.isascii():
        return host
    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError:
        raise _no_host() from None


def _no_host() -> BadParameter:
    return BadParameter("The image URL has no valid host")
