"""Image URLs, host names and addresses, read once and strictly; all later steps use the parts.

Host names are brought to one spelling, so that the name that is judged, allowed and dialled is the
same. Only addresses may be fetched from that the public internet routes to one host.
`ipaddress.is_global` is not enough: it lets multicast pass and, on Python 3.11, most of the IPv6
forms that carry an IPv4 address. So the judgement is a table, after the IANA special-purpose
registries (RFC 6890): an IPv4 address is public unless the table names it; an IPv6 address must
also lie in 2000::/3, all that IANA has given out as global unicast.
"""

import re
import string
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TypeAlias
from urllib.parse import quote, urljoin, urlsplit

import idna

from imgvec.errors import AddressRefused, BadParameter, FetchFailed, SettingsError

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


MAX_URL = 8000
"""Characters; what RFC 9110, section 4.1, asks all to support. Signed URLs take about 2000."""

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_PORT = 65535

_AROUND = "\t\n\f\r \u3000"
"""Trimmed from both ends: a list of URLs from a file, or from an East Asian keyboard, has them."""
# URL parsers drop, trim or reinterpret these, each in its own way.
_TROUBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\\\u200b-\u200f\u2028-\u202e\u2060-\u206f]")
# In path and query they are escaped, as browsers do.
_SPACES = re.compile(r"[ \xa0\u1680\u2000-\u200a\u202f\u205f\u3000]")
# `SplitResult.hostname` cuts this off too, but together with the brackets of an IPv6 address.
_PORT = re.compile(r":[0-9]*\Z")
_ALLOW_ENTRY = re.compile(r"(?P<host>\[[^\[\]]+\]|[^:\[\]]+)(?::(?P<port>[1-9][0-9]{0,4}))?")


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect and what to ask for; all ASCII."""

    scheme: str
    host: str
    """A name or an address, in canonical spelling and without brackets."""
    port: int
    path: str
    """Path and query, as they go into the request line."""

    @property
    def authority(self) -> str:
        """The `Host` header (RFC 9110, section 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The whole, for relative redirects to be resolved against."""
        return f"{self.scheme}://{self.authority}{self.path}"


def parse_url(url: str) -> Target:
    """Read an http(s) URL; the fragment is dropped, a name in another script becomes ASCII.

    White space is trimmed from its ends, and escaped in path and query.

    Raises:
        AddressRefused: another scheme, user info, or an address in a spelling that parsers read
            differently.
        BadParameter: no valid URL, or longer than `MAX_URL`.
    """
    url = url.strip(_AROUND)
    if len(url) > MAX_URL or _TROUBLE.search(url):
        raise _no_url()
    try:
        parts = urlsplit(url)
        port = parts.port
        path = quote(parts.path or "/", safe=string.punctuation)
        query = quote(parts.query, safe=string.punctuation)
    except ValueError:
        # A bracket without its partner, a port that is no number, a lone surrogate.
        raise _no_url() from None
    if parts.scheme not in DEFAULT_PORTS or "@" in parts.netloc:
        raise AddressRefused
    if port == 0 or _SPACES.search(parts.netloc):
        raise _no_url()
    return Target(
        scheme=parts.scheme,
        host=canonical_host(_PORT.sub("", parts.netloc)),
        port=port or DEFAULT_PORTS[parts.scheme],
        path=f"{path}?{query}" if query else path,
    )


def follow(target: Target, locations: list[bytes]) -> Target:
    """Read the `Location` headers of a redirect from `target` (RFC 9110, section 10.2.2).

    Raises:
        AddressRefused: it leads to such an address as `parse_url` refuses, or out of TLS.
        FetchFailed: there is none, several, or one that is no URL: not the caller's mistake.
    """
    try:
        (location,) = locations
        following = parse_url(urljoin(target.url, location.decode()))
    except AddressRefused:
        raise
    except (BadParameter, ValueError):
        raise FetchFailed from None
    if target.scheme == "https" and following.scheme != "https":
        raise AddressRefused
    return following


def parse_allow(entries: tuple[str, ...]) -> frozenset[tuple[str, int]]:
    """Read the operator's list of private hosts, each `host[:port]`, an IPv6 address in brackets.

    An entry without a port stands for ports 80 and 443.

    Raises:
        SettingsError: an entry is no host, or its port is none; it is named by its position.
    """
    allowed: set[tuple[str, int]] = set()
    for position, entry in enumerate(entries, start=1):
        match = _ALLOW_ENTRY.fullmatch(entry)
        if match is None:
            raise _wrong_entry(position)
        try:
            host = canonical_host(match["host"])
        except BadParameter:
            raise _wrong_entry(position) from None
        ports = [int(match["port"])] if match["port"] else DEFAULT_PORTS.values()
        if max(ports) > MAX_PORT:
            raise _wrong_entry(position)
        allowed.update((host, port) for port in ports)
    return frozenset(allowed)


def _wrong_entry(position: int) -> SettingsError:
    return SettingsError(
        f"IMGVEC_FETCH_ALLOW is wrong: entry {position} is not of the form host[:port]"
    )


def _no_url() -> BadParameter:
    return BadParameter("The image URL is not valid")
