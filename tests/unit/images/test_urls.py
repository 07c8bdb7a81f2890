"""Image URLs: read strictly, in one spelling; and the operator's list of allowed hosts."""

import pytest

from imgvec.errors import AddressRefused, BadParameter, SettingsError
from imgvec.images.fetch.urls import MAX_URL, Target, parse_allow, parse_url

READ = [
    ("http://example.com", ("http", "example.com", 80, "/")),
    ("https://example.com/a.jpg", ("https", "example.com", 443, "/a.jpg")),
    ("HTTPS://EXAMPLE.COM/A.jpg", ("https", "example.com", 443, "/A.jpg")),
    ("http://example.com:8080/", ("http", "example.com", 8080, "/")),
    ("http://example.com:/", ("http", "example.com", 80, "/")),
    ("https://example.com:80/", ("https", "example.com", 80, "/")),
    ("http://example.com?size=1", ("http", "example.com", 80, "/?size=1")),
    ("http://example.com/a?", ("http", "example.com", 80, "/a")),
    ("http://example.com/a?b=c&d=%20e", ("http", "example.com", 80, "/a?b=c&d=%20e")),
    ("http://example.com/a;v=1?b=c;d", ("http", "example.com", 80, "/a;v=1?b=c;d")),
    ("http://example.com/a#part?b", ("http", "example.com", 80, "/a")),
    ("http://example.com/ü/%C3%BC?ü", ("http", "example.com", 80, "/%C3%BC/%C3%BC?%C3%BC")),
    ("http://example.com/@a:b", ("http", "example.com", 80, "/@a:b")),
    ("http://example.com./", ("http", "example.com", 80, "/")),
    ("http://my_minio:9000/", ("http", "my_minio", 9000, "/")),
    ("http://localhost/", ("http", "localhost", 80, "/")),
    ("http://1.example.com/", ("http", "1.example.com", 80, "/")),
    ("http://1e100.net/", ("http", "1e100.net", 80, "/")),
    ("http://münchen.example/", ("http", "xn--mnchen-3ya.example", 80, "/")),
    ("http://MÜNCHEN.example/", ("http", "xn--mnchen-3ya.example", 80, "/")),
    ("http://例え。テスト/", ("http", "xn--r8jz45g.xn--zckzah", 80, "/")),
    ("http://127.0.0.1/", ("http", "127.0.0.1", 80, "/")),
    ("http://127.0.0.1./", ("http", "127.0.0.1", 80, "/")),
    ("http://①②⑦.0.0.1/", ("http", "127.0.0.1", 80, "/")),
    ("http://[::1]/", ("http", "::1", 80, "/")),
    ("https://[2001:DB8:0:0::1]:8443/", ("https", "2001:db8::1", 8443, "/")),
]


@pytest.mark.parametrize(("url", "parts"), READ)
def test_what_is_read(url: str, parts: tuple[str, str, int, str]) -> None:
    assert parse_url(url) == Target(*parts)


@pytest.mark.parametrize(("url", "parts"), READ)
def test_reading_again_changes_nothing(url: str, parts: tuple[str, str, int, str]) -> None:
    assert parse_url(parse_url(url).url) == Target(*parts)


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("http://example.com/", "example.com"),
        ("https://example.com:443/", "example.com"),
        ("http://example.com:443/", "example.com:443"),
        ("http://example.com.:8080/", "example.com:8080"),
        ("http://[::1]/", "[::1]"),
        ("http://[::1]:8080/", "[::1]:8080"),
    ],
)
def test_host_header(url: str, authority: str) -> None:
    assert parse_url(url).authority == authority


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("file:///proc/self/environ", id="file"),
        pytest.param("ftp://example.com/a.jpg", id="ftp"),
        pytest.param("gopher://example.com/", id="gopher"),
        pytest.param("javascript:alert(1)", id="javascript"),
        pytest.param("data:image/png;base64,QUJD", id="data URI"),
        pytest.param("//example.com/a.jpg", id="no scheme"),
        pytest.param("a.jpg", id="a name"),
        pytest.param("http+unix://%2Fvar%2Frun%2Fdocker.sock/", id="socket"),
        pytest.param("http://user@example.com/", id="user"),
        pytest.param("http://user:pass@example.com/", id="user and password"),
        pytest.param("http://@example.com/", id="empty user"),
        pytest.param("http://example.com:80@127.0.0.1/", id="host that is a user"),
        pytest.param("http://2130706433/", id="decimal number"),
        pytest.param("http://0x7f000001/", id="hexadecimal number"),
        pytest.param("http://0x7f.1/", id="hexadecimal, short"),
        pytest.param("http://0x7f.0.0.0x1/", id="hexadecimal parts"),
        pytest.param("http://0x/", id="hexadecimal prefix alone"),
        pytest.param("http://017700000001/", id="octal number"),
        pytest.param("http://0177.0.0.1/", id="octal part"),
        pytest.param("http://127.0.0.01/", id="leading zero"),
        pytest.param("http://127.1/", id="short form of two"),
        pytest.param("http://127.0.1/", id="short form of three"),
        pytest.param("http://0/", id="zero"),
        pytest.param("http://1.2.3.4.5/", id="five parts"),
        pytest.param("http://256.0.0.1/", id="part out of range"),
        pytest.param("http://example.1/", id="name that ends in a number"),
        pytest.param("http://[fe80::1%25eth0]/", id="IPv6 zone"),
        pytest.param("http://[fe80::1%eth0]/", id="IPv6 zone, unescaped"),
    ],
)
def test_refused_addresses(url: str) -> None:
    with pytest.raises(AddressRefused):
        parse_url(url)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://", id="no host"),
        pytest.param("http:///a.jpg", id="path alone"),
        pytest.param("http:example.com", id="no slashes"),
        pytest.param("http://:80/", id="port alone"),
        pytest.param("http://./", id="dot alone"),
        pytest.param("http://a..example.com/", id="empty label"),
        pytest.param("http://example.com../", id="two final dots"),
        pytest.param("http://.example.com/", id="leading dot"),
        pytest.param("http://-a.example.com/", id="leading hyphen"),
        pytest.param("http://a-.example.com/", id="trailing hyphen"),
        pytest.param("http://" + "a" * 64 + ".example.com/", id="label too long"),
        pytest.param("http://" + "a." * 127 + "b/", id="name too long"),
        pytest.param("http://exa%6Dple.com/", id="escaped host"),
        pytest.param("http://exam$ple.com/", id="character of no name"),
        pytest.param("http://a\u0338b.example\u2100/", id="character that hides a slash"),
        pytest.param("http://xn--\u00fc.example/", id="broken IDNA"),
        pytest.param("http://[::1/", id="open bracket"),
        pytest.param("http://::1/", id="IPv6 without brackets"),
        pytest.param("http://[127.0.0.1]/", id="IPv4 in brackets"),
        pytest.param("http://[v1.a]/", id="future address"),
        pytest.param("http://[]/", id="empty brackets"),
        pytest.param("http://example.com:0/", id="port zero"),
        pytest.param("http://example.com:65536/", id="port out of range"),
        pytest.param("http://example.com:-80/", id="negative port"),
        pytest.param("http://example.com:8o/", id="port that is no number"),
        pytest.param("http://example.com\\@127.0.0.1/", id="backslash"),
        pytest.param("http:\\\\example.com\\", id="backslashes for slashes"),
        pytest.param("http://example .com/", id="space in the host"),
        pytest.param("http:// example.com/", id="space before the host"),
        pytest.param("http://example.com\u3000/", id="wide space behind the host"),
        pytest.param("http://example.com/a\nb", id="line break inside"),
        pytest.param("ht\ttp://example.com/", id="tab inside"),
        pytest.param("http://example.com/\r\nHost: a", id="header injection"),
        pytest.param("http://example.com/\0", id="null"),
        pytest.param("http://example.com/\x7f", id="delete"),
        pytest.param("http://example.com/\x85", id="next line"),
        pytest.param("http://example.com/\u2028", id="line separator"),
        pytest.param("http://example.com/\u202e", id="direction override"),
        pytest.param("http://example.com/\ud800", id="lone surrogate"),
        pytest.param("", id="empty"),
    ],
)
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(BadParameter):
        parse_url(url)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("  http://example.com/\n", "/"),
        ("\u3000http://example.com/a\u3000", "/a"),
        ("http://example.com/a b", "/a%20b"),
        ("http://example.com/a\u3000b?c d", "/a%E3%80%80b?c%20d"),
        ("http://example.com/a\xa0b%20c", "/a%C2%A0b%20c"),
    ],
)
def test_white_space_is_trimmed_and_escaped(url: str, path: str) -> None:
    target = parse_url(url)
    assert (target.host, target.path) == ("example.com", path)


def test_the_length_is_bounded() -> None:
    start = "http://example.com/"
    longest = start + "a" * (MAX_URL - len(start))
    assert len(parse_url(longest).path) == MAX_URL - len(start) + 1
    with pytest.raises(BadParameter):
        parse_url(longest + "a")


def test_a_message_never_repeats_the_url() -> None:
    for url in ("http://exam$ple.com/?token=secret", "ftp://secret/", "http://sec\0ret/"):
        with pytest.raises(BadParameter) as caught:
            parse_url(url)
        assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("entry", "allowed"),
    [
        ("minio", {("minio", 80), ("minio", 443)}),
        ("minio:9000", {("minio", 9000)}),
        ("MinIO.Local.:9000", {("minio.local", 9000)}),
        ("10.0.0.5", {("10.0.0.5", 80), ("10.0.0.5", 443)}),
        ("10.0.0.5:65535", {("10.0.0.5", 65535)}),
        ("[::1]", {("::1", 80), ("::1", 443)}),
        ("[0:0::1]:9000", {("::1", 9000)}),
        ("bücher.example:80", {("xn--bcher-kva.example", 80)}),
    ],
)
def test_allowed_hosts(entry: str, allowed: set[tuple[str, int]]) -> None:
    assert parse_allow((entry,)) == allowed


def test_the_list_is_the_union_of_its_entries() -> None:
    assert parse_allow(("a:1", "b:2", "a:1")) == {("a", 1), ("b", 2)}
    assert parse_allow(()) == frozenset()


@pytest.mark.parametrize(
    "entry",
    [
        "",
        ":80",
        "minio:",
        "minio:0",
        "minio:080",
        "minio:65536",
        "minio:http",
        "http://minio",
        "minio/path",
        "user@minio",
        "*.example.com",
        "10.0.0.0/8",
        "127.1",
        "::1",
        "[::1",
        "[fe80::1%eth0]",
        "a b",
    ],
)
def test_wrong_entries_are_named_by_their_place(entry: str) -> None:
    with pytest.raises(SettingsError, match=r"IMGVEC_FETCH_ALLOW .* entry 2 "):
        parse_allow(("minio:9000", entry))
