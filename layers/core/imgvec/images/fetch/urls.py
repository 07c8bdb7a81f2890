"""Image URLs, read once and strictly; everything after works on the parts."""

import re
import string
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from imgvec.errors import AddressRefused, BadParameter, FetchFailed, SettingsError
from imgvec.images.hosts import canonical_host

MAX_URL = 8000
"""Characters; what RFC 9110, section 4.1, asks all to support. Signed URLs take about 2000."""

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_PORT = 65535

# URL parsers drop, trim or reinterpret these, each in its own way.
_TROUBLE = re.compile(r"[\x00-\x20\x7f-\xa0\\\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000]")
# What `SplitResult.hostname` cuts off too, but together with the brackets of an IPv6 address.
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

    Raises:
        AddressRefused: another scheme, user info, or an address in a spelling that parsers read
            differently.
        BadParameter: no valid URL, or longer than `MAX_URL`.
    """
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
    if port == 0:
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
