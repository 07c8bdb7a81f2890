"""The table of fetching: what a stranger may name, where it would lead, and what must come of it.

One row each, with its reason. Addresses stand just inside and just outside every range that is
refused. A forbidden row also says how a client without a guard is led inside: that is tried too, so
that no row passes because nothing was there.
"""

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final, Literal
from urllib.parse import urlsplit

from tests.support.http.name_server import Records

Outcome = Literal["image", "refused", "no URL", "failed", "too large"]
SITE: Final = "93.184.215.14"
OTHER: Final = "93.184.215.15"
SITE_V6: Final = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"
PROXY: Final = "10.66.66.66"
"""Named by every proxy variable of the environment; nobody may ever come there."""
METADATA: Final = "169.254.169.254"
LONG: Final = 20.0
SHORT: Final = 0.5


@dataclass(frozen=True)
class Row:
    """A URL, what comes of it, and whom it reaches."""

    reason: str
    url: str
    outcome: Outcome
    visits: tuple[str, ...] = ()
    """The addresses that are connected to, in order; a network where any of its own will do."""
    inside: str = ""
    """The forbidden address that an unguarded client comes to ..."""
    lure: str = ""
    """... when it connects to this host, as the system reads it."""
    port: int = 80
    """Of the forbidden address."""
    allow: tuple[str, ...] = ()
    """`IMGVEC_FETCH_ALLOW`."""
    timeout: float = LONG


PUBLIC: Final = [
    ("1.0.0.0", "first after 0.0.0.0/8"),
    ("1.1.1.1", "a public resolver"),
    ("9.255.255.255", "last before 10.0.0.0/8"),
    ("11.0.0.0", "first after 10.0.0.0/8"),
    ("93.184.215.14", "an ordinary server"),
    ("100.63.255.255", "last before 100.64.0.0/10"),
    ("100.128.0.0", "first after 100.64.0.0/10"),
    ("126.255.255.255", "last before loopback"),
    ("128.0.0.0", "first after loopback"),
    ("168.63.129.15", "neighbour of the host agent"),
    ("168.63.129.17", "neighbour of the host agent"),
    ("169.253.255.255", "last before link-local"),
    ("169.255.0.0", "first after link-local"),
    ("172.15.255.255", "last before 172.16.0.0/12"),
    ("172.32.0.0", "first after 172.16.0.0/12"),
    ("191.255.255.255", "last before 192.0.0.0/24"),
    ("192.0.1.0", "first after 192.0.0.0/24"),
    ("192.0.1.255", "last before documentation"),
    ("192.0.3.0", "first after documentation"),
    ("192.88.98.255", "last before the 6to4 relays"),
    ("192.88.100.0", "first after the 6to4 relays"),
    ("192.167.255.255", "last before 192.168.0.0/16"),
    ("192.169.0.0", "first after 192.168.0.0/16"),
    ("198.17.255.255", "last before benchmarking"),
    ("198.20.0.0", "first after benchmarking"),
    ("198.51.99.255", "last before documentation"),
    ("198.51.101.0", "first after documentation"),
    ("203.0.112.255", "last before documentation"),
    ("203.0.114.0", "first after documentation"),
    ("223.255.255.255", "last before multicast"),
    ("2000::", "first of global unicast"),
    ("2001:200::", "first after IETF assignments"),
    ("2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "last before documentation"),
    ("2001:db9::", "first after documentation"),
    ("2001:4860:4860::8888", "a public resolver"),
    ("2001:ffff:ffff::1", "last before 6to4"),
    ("2003::", "first after 6to4"),
    ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", "an ordinary server"),
    ("2a00::5efd:a00:1", "last before ISATAP"),
    ("2a00::5eff:a00:1", "first after ISATAP"),
    ("2a00::1:5efe:a00:1", "5efe in another place"),
    ("3ffd:ffff::1", "last before 6bone"),
    ("3fff:1000::", "first after documentation"),
    ("3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "last of global unicast"),
]

REFUSED: Final = [
    ("0.0.0.0", "this host: a listener on any interface answers"),
    ("0.255.255.255", "last of this network"),
    ("10.0.0.0", "private, first"),
    ("10.255.255.255", "private, last"),
    ("100.64.0.0", "carrier-grade NAT, first"),
    ("100.100.100.200", "a cloud's metadata inside carrier-grade NAT"),
    ("100.127.255.255", "carrier-grade NAT, last"),
    ("127.0.0.0", "loopback, first"),
    ("127.0.0.1", "loopback"),
    ("127.255.255.255", "loopback, last"),
    ("168.63.129.16", "a cloud's host agent"),
    ("169.254.0.0", "link-local, first"),
    ("169.254.169.254", "instance metadata"),
    ("169.254.170.2", "container credentials"),
    ("169.254.255.255", "link-local, last"),
    ("172.16.0.0", "private, first"),
    ("172.17.0.1", "a container bridge"),
    ("172.31.255.255", "private, last"),
    ("192.0.0.0", "IETF assignments, first"),
    ("192.0.0.192", "a cloud's metadata inside IETF assignments"),
    ("192.0.0.255", "IETF assignments, last"),
    ("192.0.2.0", "documentation 1, first"),
    ("192.0.2.255", "documentation 1, last"),
    ("192.88.99.0", "6to4 relay, first"),
    ("192.88.99.1", "6to4 relay; is_global says yes"),
    ("192.88.99.255", "6to4 relay, last"),
    ("192.168.0.0", "private, first"),
    ("192.168.255.255", "private, last"),
    ("198.18.0.0", "benchmarking, first"),
    ("198.19.255.255", "benchmarking, last"),
    ("198.51.100.0", "documentation 2, first"),
    ("198.51.100.255", "documentation 2, last"),
    ("203.0.113.0", "documentation 3, first"),
    ("203.0.113.255", "documentation 3, last"),
    ("224.0.0.0", "multicast, first"),
    ("224.0.0.1", "all hosts; is_global says yes"),
    ("239.255.255.255", "multicast, last"),
    ("240.0.0.0", "reserved, first"),
    ("255.255.255.254", "reserved, last"),
    ("255.255.255.255", "limited broadcast"),
    ("::", "unspecified"),
    ("::1", "loopback"),
    ("::127.0.0.1", "IPv4-compatible; is_global says yes"),
    ("::ffff:127.0.0.1", "IPv4-mapped loopback"),
    ("::ffff:93.184.215.14", "IPv4-mapped, even of a public address"),
    ("::ffff:0:127.0.0.1", "IPv4-translated (SIIT)"),
    ("64:ff9b::7f00:1", "NAT64 of loopback; is_global says yes"),
    ("64:ff9b::5db8:d70e", "NAT64, even of a public address"),
    ("64:ff9b:1::a00:1", "local-use NAT64; is_global says yes"),
    ("100::1", "discard-only"),
    ("1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "last before global unicast"),
    ("2001::", "Teredo, first"),
    ("2001:0:7f00:1::", "Teredo with loopback as its server"),
    ("2001:2::1", "benchmarking"),
    ("2001:20::1", "ORCHIDv2"),
    ("2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "IETF assignments, last"),
    ("2001:db8::", "documentation, first"),
    ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "documentation, last"),
    ("2002::", "6to4, first"),
    ("2002:7f00:1::", "6to4 of loopback; is_global says yes"),
    ("2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "6to4, last"),
    ("2a00::5efe:a00:1", "ISATAP of a private address; is_global says yes"),
    ("2a00::200:5efe:a00:1", "ISATAP with the universal bit"),
    ("2a00::100:5efe:a00:1", "ISATAP with the group bit"),
    ("2a00:1:2:3:300:5efe:5db8:d70e", "ISATAP with both bits"),
    ("3ffe::1", "6bone, first"),
    ("3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "6bone, last"),
    ("3fff::", "documentation, first"),
    ("3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "documentation, last"),
    ("4000::", "first after global unicast"),
    ("5f00::1", "segment routing"),
    ("fc00::", "unique local, first"),
    ("fd00:ec2::254", "instance metadata over IPv6"),
    ("fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "unique local, last"),
    ("fe80::", "link-local, first"),
    ("fe80::1%eth0", "link-local with its zone"),
    ("febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "link-local, last"),
    ("fec0::1", "site-local; is_global says yes"),
    ("feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "site-local, last"),
    ("ff02::1", "all nodes on the link"),
    ("ff0e::1", "global multicast; is_global says yes"),
    ("2606:2800:21f::1%eth0", "a public address with a zone"),
]


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _unroutable(address: str) -> bool:
    """Where TCP cannot go at all, guard or not."""
    found = ip_address(address)
    by_link = isinstance(found, IPv6Address) and found.is_link_local
    broadcast = address in ("127.255.255.255", "255.255.255.255")
    return found.is_multicast or by_link or broadcast or "%" in address


def _refused(url: str) -> Outcome:
    """A name that leads inside answers as one that nobody knows."""
    host = (urlsplit(url).hostname or "").removesuffix(".")
    return "failed" if host.endswith((".example", "localhost")) else "refused"


def _inside(reason: str, url: str, inside: str, lure: str = "", port: int = 80) -> Row:
    return Row(reason, url, _refused(url), (), inside, lure or inside, port)


def _forbidden(address: str, reason: str) -> Row:
    url = f"http://{_host(address)}/"
    if _unroutable(address):
        return Row(reason, url, "refused")
    return _inside(reason, url, _MEANT.get(address, address), address)


def _through(reason: str, location: str, inside: str, lure: str = "", port: int = 80) -> Row:
    """A redirect from a public server."""
    url = f"http://{SITE}/to?{location}"
    outcome = _refused(location)
    return Row(f"redirect: {reason}", url, outcome, (SITE,), inside, lure or inside, port)


def _answer(path: str, outcome: Outcome, reason: str, timeout: float = LONG) -> Row:
    """An answer of a public server."""
    return Row(reason, f"http://{SITE}/{path}", outcome, (SITE,), timeout=timeout)


_MEANT: Final = {
    "0.0.0.0": "127.0.0.1",
    "::": "::1",
    "::ffff:127.0.0.1": "127.0.0.1",
    f"::ffff:{SITE}": SITE,
}
"""Where connecting to these leads."""

LITERALS: Final = [
    *(Row(reason, f"http://{_host(a)}/", "image", (a,)) for a, reason in PUBLIC),
    *(_forbidden(a, reason) for a, reason in REFUSED),
]

SPELLINGS: Final = [
    _inside("one decimal number", "http://2130706433/", "127.0.0.1", "2130706433"),
    _inside("one hexadecimal number", "http://0x7f000001/", "127.0.0.1", "0x7f000001"),
    _inside("one octal number", "http://017700000001/", "127.0.0.1", "017700000001"),
    _inside("octal parts", "http://0177.0.0.1/", "127.0.0.1", "0177.0.0.1"),
    _inside("hexadecimal parts", "http://0x7f.0x0.0x0.0x1/", "127.0.0.1", "0x7f.0x0.0x0.0x1"),
    _inside("hexadecimal in capitals", "http://0X7F.1/", "127.0.0.1", "0x7f.1"),
    _inside("two parts", "http://127.1/", "127.0.0.1", "127.1"),
    _inside("three parts", "http://127.0.1/", "127.0.0.1", "127.0.1"),
    _inside("zero alone", "http://0/", "127.0.0.1", "0"),
    _inside("leading zeros", "http://0000177.0.0.01/", "127.0.0.1", "0000177.0.0.01"),
    _inside("a mixture", "http://0xa9.254.0251.254/", METADATA, "0xa9.254.0251.254"),
    _inside("metadata as a number", "http://2852039166/", METADATA, "2852039166"),
    _inside("ten as octal", "http://012.0.0.1/", "10.0.0.1", "012.0.0.1"),
    Row("a part above 255", "http://127.0.0.256/", "refused"),
    Row("five parts", "http://127.0.0.0.1/", "refused"),
    Row("a number that overflows", "http://4294967296/", "refused"),
    Row("hexadecimal without digits", "http://127.0.0.0x/", "refused"),
    Row("a public address, short", "http://93.184.55054/", "refused"),
    _inside("a final dot", "http://127.0.0.1./", "127.0.0.1"),
    Row("a public address with a final dot", f"http://{SITE}./", "image", (SITE,)),
    Row("two final dots", "http://127.0.0.1../", "no URL"),
    _inside("full-width digits", "http://\uff11\uff12\uff17.0.0.1/", "127.0.0.1"),
    _inside("circled digits", "http://\u2460\u2461\u2466.0.0.1/", "127.0.0.1"),
    _inside("ideographic full stops", "http://127\u30020\u30020\u30021/", "127.0.0.1"),
    Row("a soft hyphen", "http://127.0.0.\u00ad1/", "refused"),
    Row("escaped digits", "http://%31%32%37.0.0.1/", "no URL"),
    _inside("IPv6 in full", "http://[0:0:0:0:0:0:0:1]/", "::1"),
    _inside("IPv6 with zeros", "http://[0000::0001]/", "::1"),
    _inside("mapped, in hexadecimal", "http://[::ffff:7f00:1]/", "127.0.0.1"),
    _inside("mapped metadata", "http://[::ffff:a9fe:a9fe]/", METADATA),
    _inside("NAT64 metadata", "http://[64:ff9b::a9fe:a9fe]/", "64:ff9b::a9fe:a9fe"),
    _inside("6to4 metadata", "http://[2002:a9fe:a9fe::]/", "2002:a9fe:a9fe::"),
    Row("an escaped zone", "http://[fe80::1%25lo]/", "refused"),
    Row("IPv6 without brackets", "http://::1/", "no URL"),
    Row("brackets around IPv4", "http://[127.0.0.1]/", "no URL"),
    Row("brackets around a name", "http://[localhost]/", "no URL"),
    Row("IPv6 of the future", "http://[v1.fe80::a]/", "no URL"),
    Row("IPv6 and a final dot", "http://[::1]./", "no URL"),
]

URLS: Final = [
    Row("file", "file:///proc/self/environ", "refused"),
    Row("gopher", "gopher://127.0.0.1:6379/_INFO", "refused"),
    Row("ftp", f"ftp://{SITE}/image", "refused"),
    Row("dict", "dict://127.0.0.1:11211/stat", "refused"),
    Row("a scheme of one's own", f"jar:http://{SITE}/!/", "refused"),
    Row("no scheme", f"//{SITE}/", "refused"),
    Row("scheme in capitals", f"HTTP://{SITE}/", "image", (SITE,)),
    _inside("user info", f"http://{SITE}@127.0.0.1/", "127.0.0.1"),
    Row("user info at a public server", f"http://user:word@{SITE}/", "refused"),
    Row("empty user info", f"http://@{SITE}/", "refused"),
    _inside("two at signs", f"http://a@{SITE}@127.0.0.1/", "127.0.0.1"),
    Row("a backslash before the at sign", f"http://{SITE}\\@127.0.0.1/", "no URL"),
    Row("a backslash for a slash", f"http:\\\\{SITE}/", "no URL"),
    Row("a fragment before the at sign", f"http://{SITE}#@127.0.0.1/", "image", (SITE,)),
    Row("a query before the at sign", f"http://{SITE}?@127.0.0.1/", "image", (SITE,)),
    Row("a line feed in the host", f"http://{SITE}\n.example/", "no URL"),
    Row("a tab in the scheme", f"ht\ttp://{SITE}/", "no URL"),
    Row("a new header in the path", f"http://{SITE}/\r\nHost: 127.0.0.1", "no URL"),
    Row("an escaped new line stays escaped", f"http://{SITE}/?%0d%0aHost:%20a", "image", (SITE,)),
    Row("a null", f"http://{SITE}\0.example/", "no URL"),
    Row("white space around", f" http://{SITE}/\u3000\n", "image", (SITE,)),
    Row("a space in the path", f"http://{SITE}/a b\u3000c?d e", "image", (SITE,)),
    Row("a space in the host", f"http://{SITE} .example/", "no URL"),
    Row("a line separator", f"http://{SITE}\u2028/", "no URL"),
    Row("a right-to-left mark", "http://\u200fsite.example/", "no URL"),
    Row("a lone surrogate", f"http://{SITE}/\ud800", "no URL"),
    Row("an open bracket", "http://[::1/", "no URL"),
    Row("no host", "http:///image", "no URL"),
    Row("a host of dots", "http://.../", "no URL"),
    Row("an empty label", "http://a..example/", "no URL"),
    Row("a long label", f"http://{'a' * 64}.example/", "no URL"),
    Row("a long name", f"http://{'a.' * 130}example/", "no URL"),
    Row("a long URL", f"http://{SITE}/{'a' * 8000}", "no URL"),
    Row("a comma in the host", "http://site.example,127.0.0.1/", "no URL"),
    Row("an escaped slash in the host", "http://site.example%2f@127.0.0.1/", "refused"),
    Row("port 0", f"http://{SITE}:0/", "no URL"),
    Row("a port above all", f"http://{SITE}:65616/", "no URL"),
    Row("a negative port", f"http://{SITE}:-80/", "no URL"),
    Row("a port in other digits", f"http://{SITE}:\u0668\u0660/", "no URL"),
    Row("an empty port", f"http://{SITE}:/", "image", (SITE,)),
    Row("leading zeros in the port", f"http://{SITE}:00080/", "image", (SITE,)),
    Row("ssh", f"http://{SITE}:22/", "refused"),
    Row("another port", f"http://{SITE}:8080/", "refused"),
    Row("the other scheme's port, in plain text", f"http://{SITE}:443/", "failed", (SITE,)),
    _inside("the Lambda Runtime API", "http://127.0.0.1:9001/2018-06-01/", "127.0.0.1", port=9001),
    _inside("container credentials", "http://169.254.170.2/v2/credentials/", "169.254.170.2"),
    _inside("metadata", f"http://{METADATA}/latest/meta-data/", METADATA),
]

NAMES: Final = {
    "site.example": (Records((SITE, SITE_V6)),),
    "other.example": (Records((OTHER,)),),
    "half.example": (Records((*(f"93.184.217.{n}" for n in range(1, 6)), SITE_V6)),),
    "six.example": (Records((SITE_V6,)),),
    "loopback.example": (Records(("127.0.0.1",)),),
    "loopback6.example": (Records(("::1",)),),
    "private.example": (Records(("10.0.0.1",)),),
    "metadata.example": (Records((METADATA,)),),
    "mapped.example": (Records(("::ffff:127.0.0.1",)),),
    "nat64.example": (Records(("64:ff9b::7f00:1",)),),
    "zero.example": (Records(("0.0.0.0",)),),
    "first.example": (Records(("10.0.0.1", SITE)),),
    "last.example": (Records((SITE, "10.0.0.1")),),
    "families.example": (Records((SITE, "fd00:ec2::254")),),
    "late.example": (Records((*(f"93.184.216.{n}" for n in range(1, 201)), "10.0.0.1")),),
    "many.example": (Records(tuple(f"93.184.216.{n}" for n in range(1, 201))),),
    "alias.example": (Records(("127.0.0.1",), ("site.example",)),),
    "aliases.example": (Records((SITE,), ("a.example", "b.example", "c.example")),),
    "inner-alias.example": (Records(("10.0.0.1",), ("a.example", "db.internal")),),
    "loop.example": (Records((), ("loop2.example", "loop.example")),),
    "dangling.example": (Records((), ("nowhere.example",)),),
    "rebinding.example": (Records((SITE,)), Records(("127.0.0.1",))),
    "rebound.example": (Records(("127.0.0.1",)), Records((SITE,))),
    "silent.example": (Records((SITE,), manner="silent"),),
    "servfail.example": (Records((SITE,), manner="servfail"),),
    "garbage.example": (Records((SITE,), manner="garbage"),),
    "other-id.example": (Records((SITE,), manner="other id"),),
    "truncated.example": (Records((SITE,), manner="truncated"),),
    "truncated-inside.example": (Records(("10.0.0.1",), manner="truncated"),),
    "stranger.example.example": (Records(("10.0.0.1",), manner="stranger"),),
    "under_score.example": (Records((SITE,)),),
    "xn--bcher-kva.example": (Records((SITE,)),),
    "xn--80ak6aa92e.example": (Records(("10.0.0.1",)),),
    "127.0.0.1.example": (Records((SITE,)),),
    "intranet.corp.example": (Records(("10.1.2.3",)),),
    "tls.example": (Records((SITE,)),),
    "wrong.example": (Records((SITE,)),),
    "tls-inside.example": (Records(("127.0.0.1",)),),
}
HOSTS: Final = "127.0.0.1 localhost\n10.1.2.4 printer.example\n"
SEARCH: Final = "corp.example"

LOOKED_UP: Final = [
    Row("a name", "http://site.example/", "image", (SITE,)),
    Row("a name in capitals with a final dot", "http://SITE.Example./", "image", (SITE,)),
    Row("a name with IPv6 only", "http://six.example/", "image", (SITE_V6,)),
    Row("a name whose IPv4 is out of reach", "http://half.example/", "image", (SITE_V6,)),
    Row("an underscore", "http://under_score.example/", "image", (SITE,)),
    Row("a name in another script", "http://b\u00fccher.example/", "image", (SITE,)),
    Row("a name that begins like an address", "http://127.0.0.1.example/", "image", (SITE,)),
    Row("a CNAME chain", "http://aliases.example/", "image", (SITE,)),
    Row("200 addresses", "http://many.example/", "image", ("93.184.216.0/24",)),
    Row("an answer that comes by TCP", "http://truncated.example/", "image", (SITE,)),
    _inside("a name of loopback", "http://loopback.example/", "127.0.0.1", "loopback.example"),
    _inside("of loopback, IPv6", "http://loopback6.example/", "::1", "loopback6.example"),
    _inside("of a private address", "http://private.example/", "10.0.0.1", "private.example"),
    _inside("of the metadata", "http://metadata.example/", METADATA, "metadata.example"),
    _inside("of a mapped address", "http://mapped.example/", "127.0.0.1", "mapped.example"),
    _inside("of NAT64", "http://nat64.example/", "64:ff9b::7f00:1", "nat64.example"),
    _inside("of zero", "http://zero.example/", "127.0.0.1", "zero.example"),
    _inside(
        "in another script",
        "http://\u0430\u0440\u0440\u04cf\u0435.example/",
        "10.0.0.1",
        "xn--80ak6aa92e.example",
    ),
    _inside("the machine's own name", "http://localhost/", "127.0.0.1", "localhost"),
    _inside("below the machine's own name", "http://a.localhost./", "127.0.0.1"),
    _inside("mixed, private first", "http://first.example/", "10.0.0.1"),
    _inside("mixed, private last", "http://last.example/", "10.0.0.1"),
    _inside("mixed families", "http://families.example/", "fd00:ec2::254"),
    _inside("private after 200 public ones", "http://late.example/", "10.0.0.1"),
    _inside("an alias of a public name", "http://alias.example/", "127.0.0.1", "alias.example"),
    _inside(
        "an alias of an inner name",
        "http://inner-alias.example/",
        "10.0.0.1",
        "inner-alias.example",
    ),
    _inside("private, by TCP", "http://truncated-inside.example/", "10.0.0.1"),
    _inside("rebound the other way", "http://rebound.example/", "127.0.0.1"),
    Row(
        "rebinding: asked once",
        "http://rebinding.example/",
        "image",
        (SITE,),
        "127.0.0.1",
        "rebinding.example",
    ),
    Row("aliases in a circle", "http://loop.example/", "failed"),
    Row("an alias of nothing", "http://dangling.example/", "failed"),
    Row("no such name", "http://nowhere.example/", "failed"),
    Row("a server failure", "http://servfail.example/", "failed", timeout=SHORT),
    Row("an answer that is none", "http://garbage.example/", "failed", timeout=SHORT),
    Row("an answer to another question", "http://other-id.example/", "failed", timeout=SHORT),
    Row("records of another name", "http://stranger.example.example/", "failed", timeout=SHORT),
    Row("no answer", "http://silent.example/", "failed", timeout=SHORT),
    Row(
        "a name of the hosts file",
        "http://printer.example/",
        "failed",
        (),
        "10.1.2.4",
        "printer.example",
    ),
    Row("a name of the search domain", "http://intranet/", "failed", (), "10.1.2.3", "intranet"),
]

ALLOWED: Final = [
    Row(
        "a name of the hosts file",
        "http://printer.example/",
        "image",
        ("10.1.2.4",),
        allow=("printer.example",),
    ),
    Row(
        "a name of the search domain",
        "http://intranet/",
        "image",
        ("10.1.2.3",),
        allow=("intranet",),
    ),
    Row(
        "an address and port",
        "http://10.0.0.7:8080/",
        "image",
        ("10.0.0.7",),
        allow=("10.0.0.7:8080",),
    ),
    Row("an IPv6 address", "http://[fd00::7]/", "image", ("fd00::7",), allow=("[fd00::7]",)),
    Row(
        "another port of it",
        "http://10.0.0.7:22/",
        "refused",
        (),
        "10.0.0.7",
        "10.0.0.7",
        22,
        ("10.0.0.7:8080",),
    ),
    Row(
        "port 80 of it",
        "http://10.0.0.7/",
        "refused",
        (),
        "10.0.0.7",
        "10.0.0.7",
        80,
        ("10.0.0.7:8080",),
    ),
    Row(
        "the address of an allowed name",
        "http://10.0.0.1/",
        "refused",
        (),
        "10.0.0.1",
        "10.0.0.1",
        80,
        ("private.example",),
    ),
    Row("a name below it", "http://a.private.example/", "failed", (), allow=("private.example",)),
    Row(
        "another spelling of it",
        "http://0xa.0.0.7/",
        "refused",
        (),
        "10.0.0.7",
        "0xa.0.0.7",
        80,
        ("10.0.0.7",),
    ),
    Row(
        "a redirect from it",
        "http://private.example/to?http://127.0.0.1/",
        "refused",
        ("10.0.0.1",),
        "127.0.0.1",
        "127.0.0.1",
        80,
        ("private.example",),
    ),
    Row(
        "a redirect to it",
        f"http://{SITE}/to?http://private.example/",
        "image",
        (SITE, "10.0.0.1"),
        allow=("private.example",),
    ),
]

REDIRECTS: Final = [
    Row("redirect: to another server", f"http://{SITE}/to?http://{OTHER}/", "image", (SITE, OTHER)),
    Row("redirect: five", f"http://{SITE}/chain/5", "image", (SITE,) * 6),
    Row("redirect: six", f"http://{SITE}/chain/6", "failed", (SITE,) * 6),
    Row("redirect: in a circle", f"http://{SITE}/circle", "failed", (SITE,) * 6),
    _through("loopback", "http://127.0.0.1/", "127.0.0.1"),
    _through("a name of loopback", "http://loopback.example/", "127.0.0.1", "loopback.example"),
    _through("without a scheme", "//127.0.0.1/", "127.0.0.1"),
    _through("metadata", f"http://{METADATA}/latest/meta-data/", METADATA),
    _through("a number", "http://2852039166/", METADATA, "2852039166"),
    _through("octal", "http://0177.0.0.1/", "127.0.0.1", "0177.0.0.1"),
    _through("mapped", "http://[::ffff:127.0.0.1]/", "127.0.0.1"),
    _through("NAT64", "http://[64:ff9b::a00:1]/", "64:ff9b::a00:1"),
    _through("user info", f"http://{OTHER}@127.0.0.1/", "127.0.0.1"),
    _through("another port", f"http://{OTHER}:22/", OTHER, port=22),
    _through("the Lambda Runtime API", "http://127.0.0.1:9001/", "127.0.0.1", port=9001),
    _through("mixed answers", "http://last.example/", "10.0.0.1"),
    _through("an alias", "http://alias.example/", "127.0.0.1", "alias.example"),
    Row("redirect: to a file", f"http://{SITE}/to?file:///proc/self/environ", "refused", (SITE,)),
    Row(
        "redirect: to gopher", f"http://{SITE}/to?gopher://127.0.0.1:6379/_INFO", "refused", (SITE,)
    ),
    Row("redirect: backslashes", f"http://{SITE}/to?http:%5C%5C127.0.0.1/", "failed", (SITE,)),
    Row("redirect: to no name", f"http://{SITE}/to?http://nowhere.example/", "failed", (SITE,)),
    Row(
        "redirect: inside on the third hop",
        f"http://{SITE}/to?http://{OTHER}/to?http://{SITE}/to?http://10.0.0.1/",
        "refused",
        (SITE, OTHER, SITE),
        "10.0.0.1",
        "10.0.0.1",
    ),
]

TLS: Final = [
    Row("TLS: the name's certificate", "https://tls.example/", "image", (SITE,)),
    Row("TLS: the address's certificate", f"https://{SITE}/", "image", (SITE,)),
    Row("TLS: another name's certificate", "https://wrong.example/", "failed", (SITE,)),
    Row("TLS: another address's certificate", f"https://{OTHER}/", "failed", (OTHER,)),
    Row(
        "TLS: a name that leads inside",
        "https://tls-inside.example/",
        "failed",
        (),
        "127.0.0.1",
        "tls-inside.example",
        443,
    ),
    Row("TLS: on port 80", f"https://{SITE}:80/", "failed", (SITE,), timeout=SHORT),
    Row("TLS: into it", f"http://{SITE}/to?https://tls.example/", "image", (SITE, SITE)),
    Row(
        "TLS: out of it",
        f"https://tls.example/to?http://{OTHER}/",
        "refused",
        (SITE,),
        OTHER,
        OTHER,
    ),
    Row(
        "TLS: out of it by a relative scheme",
        f"https://tls.example/to?//{SITE}/",
        "image",
        (SITE, SITE),
    ),
    Row(
        "TLS: inside after it",
        "https://tls.example/to?https://127.0.0.1/",
        "refused",
        (SITE,),
        "127.0.0.1",
        "127.0.0.1",
        443,
    ),
]

ANSWERS: Final = [
    _answer("image", "image", "an image"),
    _answer("until-the-end", "image", "a body without a length"),
    _answer("most", "image", "a body of the most bytes"),
    _answer("one-more", "too large", "one byte more, in chunks"),
    _answer("promise", "too large", "a length over the limit"),
    _answer("endless", "too large", "an endless body"),
    _answer("gzip", "failed", "a gzip bomb"),
    _answer("gzip-transfer", "failed", "a gzip bomb as transfer coding"),
    _answer("shorter", "failed", "less than the length says"),
    _answer("longer", "image", "more than the length says: the rest is left"),
    _answer("two-lengths", "failed", "two lengths"),
    _answer("negative", "failed", "a negative length"),
    _answer("length-and-chunks", "failed", "a length and chunks"),
    _answer("empty", "failed", "an empty body"),
    _answer("206", "failed", "a part"),
    _answer("404", "failed", "not found"),
    _answer("headers", "failed", "endless headers"),
    _answer("one-header", "failed", "one endless header"),
    _answer("interim", "failed", "endless interim answers", SHORT),
    _answer("drip", "failed", "a body that drips", SHORT),
    _answer("drip-headers", "failed", "headers that drip", SHORT),
    _answer("drip-chunks", "failed", "chunks that drip", SHORT),
    _answer("stall", "failed", "silence", SHORT),
    Row(
        "redirects that each take their time",
        f"http://{SITE}/slow-hops",
        "failed",
        (SITE, OTHER),
        timeout=SHORT,
    ),
]

ROWS: Final = [
    *LITERALS,
    *SPELLINGS,
    *URLS,
    *LOOKED_UP,
    *ALLOWED,
    *REDIRECTS,
    *TLS,
    *ANSWERS,
]
