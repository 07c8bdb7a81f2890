"""Which addresses are public: rows just inside and just outside every range, each with its reason.

Reachability is not at stake, only the judgement; nothing here opens a connection.
"""

from ipaddress import ip_address

import pytest

from imgvec.images.addresses import is_public

PUBLIC = [
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

REFUSED = [
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


@pytest.mark.parametrize(("address", "reason"), PUBLIC)
def test_public(address: str, reason: str) -> None:
    assert is_public(ip_address(address)), reason


@pytest.mark.parametrize(("address", "reason"), REFUSED)
def test_refused(address: str, reason: str) -> None:
    assert not is_public(ip_address(address)), reason


def test_no_row_stands_twice() -> None:
    addresses = [address for address, _ in PUBLIC + REFUSED]
    assert len(addresses) == len(set(addresses))
