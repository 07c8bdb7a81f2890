"""Fetching over real sockets: nobody leads the fetcher to a private address, or keeps it busy.

The internet of these tests is loopback: 127.0.0.2 to 127.0.0.9 stand for public addresses, every
other is judged as it is, and one free port stands for port 80. So what is refused would have been
reached, and each test that claims that nothing arrived shows first that something can.
"""

import asyncio
import gzip
import shutil
import socket
import ssl
import time
import tracemalloc
import zlib
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import TypeVar

import pytest

from imgvec import __version__
from imgvec.errors import AddressRefused, BadParameter, FetchFailed, RequestError, TooLarge
from imgvec.images.fetch import dial, urls
from imgvec.images.fetch.client import MAX_REDIRECTS, Fetcher
from imgvec.images.fetch.dial import MAX_DIALLED, Resolver, system_resolve
from imgvec.images.fetch.urls import IPAddress, is_public
from tests.support.http.certificate_authority import Authority, make_authority
from tests.support.http.listeners import (
    Answer,
    Listener,
    Names,
    listener,
    redirect,
    repeats,
    response,
    says,
    stalls,
)

IMAGE = says(response())
PUBLIC_HERE = IPv4Network("127.0.0.0/28")
NOT_PUBLIC = ("127.0.0.0", "127.0.0.1")
T = TypeVar("T")


def run(scenario: Awaitable[T]) -> T:
    """Run with a net under it: what hangs is a failure and no endless test."""

    async def bounded() -> T:
        async with asyncio.timeout(60):
            return await scenario

    return asyncio.run(bounded())


@dataclass
class Internet:
    """A small internet on loopback."""

    port: int
    """What the fetcher takes for port 80, and for port 443."""
    names: Names

    def listen(
        self, answer: Answer, address: str = "127.0.0.2", tls: ssl.SSLContext | None = None
    ) -> AbstractAsyncContextManager[Listener]:
        return listener(answer, address, self.port, tls)

    def fetcher(
        self,
        *allow: tuple[str, int],
        timeout: float = 30.0,
        max_bytes: int = 1000,
        resolve: Resolver | None = None,
        trust: ssl.SSLContext | None = None,
        contact: str = "",
    ) -> Fetcher:
        return Fetcher(
            allow=frozenset(allow),
            timeout=timeout,
            max_bytes=max_bytes,
            resolve=resolve or self.names.resolve,
            resolve_allowed=self.names.resolve,
            ssl_context=trust,
            contact=contact,
        )

    async def fetch(self, answer: Answer, *, timeout: float = 30.0, max_bytes: int = 1000) -> bytes:
        """Fetch from a public server that answers so; whatever happens, the connection ends."""
        async with self.listen(answer) as server:
            try:
                use = self.fetcher(timeout=timeout, max_bytes=max_bytes)
                return await use.fetch("http://public.example/")
            finally:
                await server.all_closed()


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int) -> Internet:
    def judged_here(address: IPAddress) -> bool:
        if str(address) in NOT_PUBLIC:
            return False
        return address in PUBLIC_HERE or is_public(address)

    monkeypatch.setattr(dial, "is_public", judged_here)
    monkeypatch.setitem(urls.DEFAULT_PORTS, "http", unused_tcp_port)
    monkeypatch.setitem(urls.DEFAULT_PORTS, "https", unused_tcp_port)
    names = Names(
        {
            "public.example": [("127.0.0.2",)],
            "other.example": [("127.0.0.3",)],
            "private.example": [("127.0.0.1",)],
        }
    )
    return Internet(unused_tcp_port, names)


@pytest.fixture
def unused_tcp_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


# What is sent


def test_a_public_server_is_reached(internet: Internet) -> None:
    assert run(internet.fetch(IMAGE)) == b"image"


def test_the_request_says_who_asks_and_for_what(internet: Internet) -> None:
    async def scenario() -> bytes:
        async with internet.listen(IMAGE) as server:
            await internet.fetcher().fetch("http://PUBLIC.example./a%20b?c=d#e")
            return server.requests[0]

    lines = run(scenario()).decode().split("\r\n")
    assert lines[0] == "GET /a%20b?c=d HTTP/1.1"
    assert {line.lower() for line in lines[1:] if line} == {
        "host: public.example",
        f"user-agent: imgvec/{__version__}",
        "accept: image/jpeg,image/png,image/webp,image/gif,image/tiff,image/bmp,image/*;q=0.8,"
        "*/*;q=0.1",
        "accept-encoding: identity",
        "connection: close",
    }


def test_proxies_of_the_environment_are_not_used(
    internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> tuple[bytes, int]:
        async with listener(says(response(body=b"proxy"))) as proxy, internet.listen(IMAGE):
            for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            data = await internet.fetcher().fetch("http://public.example/")
            return data, len(proxy.requests)

    assert run(scenario()) == (b"image", 0)


def test_one_fetcher_serves_many_event_loops(internet: Internet) -> None:
    use = internet.fetcher()

    async def scenario() -> list[bytes]:
        async with internet.listen(IMAGE):
            return await asyncio.gather(*(use.fetch("http://public.example/") for _ in range(3)))

    for _ in range(2):
        assert run(scenario()) == [b"image"] * 3


# Addresses


@pytest.mark.parametrize(
    ("host", "address"),
    [
        pytest.param("127.0.0.1", "127.0.0.1", id="an address"),
        pytest.param("127.0.0.1.", "127.0.0.1", id="an address with a final dot"),
        pytest.param("[::ffff:127.0.0.1]", "127.0.0.1", id="an address inside another"),
        pytest.param("127.0.0.16", "127.0.0.16", id="another loopback address"),
        pytest.param("[::1]", "::1", id="IPv6 loopback"),
    ],
)
def test_a_private_address_is_rejected(internet: Internet, host: str, address: str) -> None:
    assert _rejected(internet, f"http://{host}/", AddressRefused, address) == []


@pytest.mark.parametrize("host", ["private.example", "localhost"])
def test_a_name_inside_answers_as_one_that_nobody_knows(internet: Internet, host: str) -> None:
    """So nobody learns which names are known inside."""
    internet.names.answers["localhost"] = [("127.0.0.1",)]
    assert _rejected(internet, f"http://{host}/", FetchFailed, "127.0.0.1") == []


def _rejected(internet: Internet, url: str, error: type[RequestError], address: str) -> list[bytes]:
    """The requests at a server to whose address an operator's list leads."""

    async def scenario() -> list[bytes]:
        async with internet.listen(IMAGE, address) as server:
            allowed = internet.fetcher((urls.parse_url(url).host, internet.port))
            assert await allowed.fetch(url) == b"image"
            server.requests.clear()
            with pytest.raises(error) as caught:
                await internet.fetcher().fetch(url)
            assert caught.value.message == error.default
            return server.requests

    return run(scenario())


@pytest.mark.parametrize("url", ["http://2130706433/", "http://0x7f.1/", "http://a@127.0.0.1/"])
def test_a_refused_spelling_is_not_even_looked_up(internet: Internet, url: str) -> None:
    with pytest.raises(AddressRefused):
        run(internet.fetcher().fetch(url))
    assert internet.names.questions == []


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param(("127.0.0.2", "127.0.0.1"), id="last"),
        pytest.param(("127.0.0.1", "127.0.0.2"), id="first"),
        pytest.param(("127.0.0.2",) * MAX_DIALLED + ("169.254.169.254",), id="never dialled"),
        pytest.param(("127.0.0.2", "::1"), id="of the other family"),
        pytest.param(("127.0.0.2", "fe80::1%1"), id="with a zone"),
    ],
)
def test_one_private_answer_refuses_all(internet: Internet, answers: tuple[str, ...]) -> None:
    internet.names.answers["mixed.example"] = [answers, ("127.0.0.2",)]

    async def scenario() -> int:
        async with internet.listen(IMAGE) as public, internet.listen(IMAGE, "127.0.0.1") as private:
            with pytest.raises(FetchFailed):
                await internet.fetcher().fetch("http://mixed.example/")
            assert public.requests == []
            assert await internet.fetcher().fetch("http://mixed.example/") == b"image"
            return len(private.requests)

    assert run(scenario()) == 0


def test_a_name_that_changes_its_answer_is_asked_once(internet: Internet) -> None:
    """DNS rebinding: public for the judge, private a moment later."""
    internet.names.answers["rebind.example"] = [("127.0.0.2",), ("127.0.0.1",)]

    async def scenario() -> int:
        inside = says(response(body=b"secret"))
        async with internet.listen(IMAGE), internet.listen(inside, "127.0.0.1") as private:
            assert await internet.fetcher().fetch("http://rebind.example/") == b"image"
            assert internet.names.questions == ["rebind.example"]
            with pytest.raises(FetchFailed):
                await internet.fetcher().fetch("http://rebind.example/")
            return len(private.requests)

    assert run(scenario()) == 0


def test_the_next_address_is_tried_when_one_does_not_answer(internet: Internet) -> None:
    silent = tuple(f"127.0.0.{n}" for n in range(4, 4 + MAX_DIALLED))
    internet.names.answers["late.example"] = [(*silent[:-1], "127.0.0.2")]
    internet.names.answers["too-late.example"] = [(*silent, "127.0.0.2")]

    async def scenario() -> None:
        async with internet.listen(IMAGE):
            assert await internet.fetcher().fetch("http://late.example/") == b"image"
            with pytest.raises(FetchFailed):
                await internet.fetcher().fetch("http://too-late.example/")

    run(scenario())


@pytest.mark.parametrize("answers", [(), None], ids=["no address", "no such name"])
def test_a_name_without_an_address_is_a_failed_fetch(
    internet: Internet, answers: tuple[str, ...] | None
) -> None:
    if answers is not None:
        internet.names.answers["nowhere.example"] = [answers]
    with pytest.raises(FetchFailed) as caught:
        run(internet.fetcher().fetch("http://nowhere.example/"))
    assert caught.value.message == FetchFailed.default


def test_the_system_is_asked_for_names() -> None:
    found = run(system_resolve("localhost", 80))
    assert found
    assert all(address.is_loopback for address in found)
    with pytest.raises(socket.gaierror):
        run(system_resolve("no-such-name.invalid", 80))


# Ports and the operator's list


def test_other_ports_are_refused_unless_allowed(internet: Internet) -> None:
    async def scenario() -> None:
        async with listener(IMAGE, "127.0.0.2") as server:
            url = f"http://public.example:{server.port}/"
            with pytest.raises(AddressRefused):
                await internet.fetcher().fetch(url)
            for host, port in (("public.example", server.port + 1), ("127.0.0.2", server.port)):
                with pytest.raises(AddressRefused):
                    await internet.fetcher((host, port)).fetch(url)
            assert server.requests == []
            allowed = internet.fetcher(("public.example", server.port))
            assert await allowed.fetch(url) == b"image"
            assert server.requests[0].startswith(b"GET / HTTP/1.1\r\nHost: public.example:")

    run(scenario())


def test_an_allowed_name_does_not_open_its_address(internet: Internet) -> None:
    async def scenario() -> list[bytes]:
        async with internet.listen(IMAGE, "127.0.0.1") as server:
            allowed = internet.fetcher(("private.example", internet.port))
            assert await allowed.fetch("http://private.example/") == b"image"
            server.requests.clear()
            with pytest.raises(AddressRefused):
                await allowed.fetch("http://127.0.0.1/")
            return server.requests

    assert run(scenario()) == []


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["http://other.example/there", "//other.example/there"])
def test_redirects_are_followed(internet: Internet, status: int, location: str) -> None:
    async def scenario() -> bytes:
        moved = redirect(location, f"{status} Moved")
        async with internet.listen(moved), internet.listen(IMAGE, "127.0.0.3") as other:
            assert await internet.fetcher().fetch("http://public.example/here") == b"image"
            return other.requests[0]

    request = run(scenario())
    assert request.startswith(b"GET /there HTTP/1.1\r\nHost: other.example\r\n")


@pytest.mark.parametrize(
    ("location", "asked"),
    [
        ("/b", b"/b"),
        ("b", b"/a/b"),
        ("../b", b"/b"),
        ("?b", b"/a/c?b"),
        ("b#part", b"/a/b"),
        ("/\u00fc", b"/%C3%BC"),
    ],
)
def test_a_relative_redirect_is_resolved(internet: Internet, location: str, asked: bytes) -> None:
    paths: list[bytes] = []

    async def scenario() -> None:
        async with internet.listen(redirect(location)) as server:
            with pytest.raises(FetchFailed):
                await internet.fetcher().fetch("http://public.example/a/c")
            paths.extend(request.split(b" ")[1] for request in server.requests)

    run(scenario())
    assert paths[1] == asked
    assert len(paths) == 1 + MAX_REDIRECTS


def test_the_number_of_redirects_is_exact(internet: Internet) -> None:
    """Six servers, each redirecting to the next, the seventh with the image."""
    names: dict[str, list[tuple[str, ...]]] = {
        f"s{n}.example": [(f"127.0.0.{n}",)] for n in range(2, 9)
    }
    internet.names.answers.update(names)

    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            for n in range(2, 8):
                moved = redirect(f"http://s{n + 1}.example/")
                await stack.enter_async_context(internet.listen(moved, f"127.0.0.{n}"))
            await stack.enter_async_context(internet.listen(IMAGE, "127.0.0.8"))
            assert await internet.fetcher().fetch("http://s3.example/") == b"image"
            with pytest.raises(FetchFailed):
                await internet.fetcher().fetch("http://s2.example/")

    run(scenario())


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1/",
        "http://[::ffff:127.0.0.1]/",
        "//127.0.0.1/",
        "http://2130706433/",
        "http://169.254.169.254/latest/meta-data/",
        "file:///proc/self/environ",
        "http://user@127.0.0.1/",
        "http://public.example:22/",
    ],
)
@pytest.mark.parametrize("origin", ["public.example", "allowed.example"])
def test_a_redirect_is_judged_like_any_address(
    internet: Internet, location: str, origin: str
) -> None:
    """Also when it comes from a host that the operator allows."""
    _led_inside(internet, location, origin, AddressRefused)


@pytest.mark.parametrize("origin", ["public.example", "allowed.example"])
def test_a_redirect_to_a_name_inside_leads_nowhere(internet: Internet, origin: str) -> None:
    _led_inside(internet, "http://private.example/", origin, FetchFailed)


def _led_inside(internet: Internet, location: str, origin: str, error: type[RequestError]) -> None:
    internet.names.answers["allowed.example"] = [("127.0.0.17",)]
    inside = says(response(body=b"secret"))

    async def scenario() -> list[bytes]:
        async with (
            internet.listen(redirect(location)) as public,
            internet.listen(redirect(location), "127.0.0.17") as allowed,
            internet.listen(inside, "127.0.0.1") as private,
        ):
            use = internet.fetcher(("allowed.example", internet.port))
            with pytest.raises(error):
                await use.fetch(f"http://{origin}/")
            assert len(public.requests) + len(allowed.requests) == 1
            return private.requests

    assert run(scenario()) == []


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param("", id="no location"),
        pytest.param("Location: /a\r\nLocation: /b\r\n", id="two locations"),
        pytest.param("Location: \r\n", id="empty, which is the same page for ever"),
        pytest.param("Location: http://[\r\n", id="no URL"),
        pytest.param("Location: http://exam$ple.com/\r\n", id="no host"),
        pytest.param("Location: http://a b/\r\n", id="a space"),
        pytest.param("Location: /\xff\r\n", id="no UTF-8"),
    ],
)
def test_a_redirect_to_nowhere_is_a_failed_fetch(internet: Internet, headers: str) -> None:
    head = f"HTTP/1.1 302 Found\r\n{headers}Content-Length: 0\r\n\r\n".encode("latin-1")
    with pytest.raises(FetchFailed) as caught:
        run(internet.fetch(says(head)))
    assert caught.value.message == FetchFailed.default


# TLS


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if shutil.which("openssl") is None:
        pytest.skip("the openssl command makes the certificates")
    return make_authority(
        tmp_path_factory.mktemp("authority"), "DNS:secure.example", "IP:127.0.0.2"
    )


@pytest.mark.parametrize(
    ("host", "server_name"), [("secure.example", "secure.example"), ("127.0.0.2", None)]
)
def test_the_certificate_is_that_of_the_name(
    internet: Internet, authority: Authority, host: str, server_name: str | None
) -> None:
    """The connection goes to an address; SNI, certificate and Host stay those of the URL."""
    internet.names.answers["secure.example"] = [("127.0.0.2",)]

    async def scenario() -> Listener:
        async with internet.listen(IMAGE, tls=authority.server) as server:
            use = internet.fetcher(trust=authority.trust)
            assert await use.fetch(f"https://{host}/") == b"image"
            return server

    server = run(scenario())
    assert server.server_names == [server_name]
    assert f"\r\nHost: {host}\r\n".encode() in server.requests[0]


@pytest.mark.parametrize("host", ["public.example", "other.example", "127.0.0.3"])
def test_a_certificate_of_another_name_is_a_failed_fetch(
    internet: Internet, authority: Authority, host: str
) -> None:
    async def scenario() -> list[bytes]:
        address = "127.0.0.2" if host == "public.example" else "127.0.0.3"
        async with internet.listen(IMAGE, address, authority.server) as server:
            with pytest.raises(FetchFailed) as caught:
                await internet.fetcher(trust=authority.trust).fetch(f"https://{host}/")
            assert caught.value.message == FetchFailed.default
            return server.requests

    assert run(scenario()) == []


def test_an_unknown_authority_is_a_failed_fetch(internet: Internet, authority: Authority) -> None:
    """With the authorities of the system, which are those that are trusted by default."""
    internet.names.answers["secure.example"] = [("127.0.0.2",)]

    async def scenario() -> list[bytes]:
        async with internet.listen(IMAGE, tls=authority.server) as server:
            with pytest.raises(FetchFailed):
                await internet.fetcher().fetch("https://secure.example/")
            return server.requests

    assert run(scenario()) == []


def test_tls_is_not_left_again(internet: Internet, authority: Authority) -> None:
    internet.names.answers["secure.example"] = [("127.0.0.2",)]
    moved = redirect("http://other.example/")

    async def scenario() -> list[bytes]:
        async with (
            internet.listen(moved, tls=authority.server),
            internet.listen(moved, "127.0.0.4"),
            internet.listen(IMAGE, "127.0.0.3") as other,
        ):
            internet.names.answers["plain.example"] = [("127.0.0.4",)]
            use = internet.fetcher(trust=authority.trust)
            assert await use.fetch("http://plain.example/") == b"image"
            other.requests.clear()
            with pytest.raises(AddressRefused):
                await use.fetch("https://secure.example/")
            return other.requests

    assert run(scenario()) == []


def test_a_redirect_into_tls_is_followed(internet: Internet, authority: Authority) -> None:
    internet.names.answers["secure.example"] = [("127.0.0.2",)]

    async def scenario() -> bytes:
        moved = redirect("https://secure.example/")
        async with (
            internet.listen(moved, "127.0.0.3"),
            internet.listen(IMAGE, tls=authority.server),
        ):
            return await internet.fetcher(trust=authority.trust).fetch("http://other.example/")

    assert run(scenario()) == b"image"


def test_a_server_without_tls_is_a_failed_fetch(internet: Internet) -> None:
    async def scenario() -> None:
        # The second byte of a TLS record is the version's first, 3.
        greeting = says(b"220 mail.example ESMTP\r\n")
        async with listener(greeting, "127.0.0.2", internet.port, until=b"\x03"):
            with pytest.raises(FetchFailed):
                await internet.fetcher().fetch("https://public.example/")

    run(scenario())


# Time


DRIP = response(Content_Length="900", body=b"")
SLOW = {
    "body that drips": repeats(DRIP, b"x", pause=0.02),
    "chunks that drip": repeats(
        response(Transfer_Encoding="chunked", body=b""), b"1\r\nx\r\n", pause=0.02
    ),
    "header that drips": repeats(b"HTTP/1.1 200 OK\r\nX: ", b"x", pause=0.02),
    "endless interim answers": repeats(b"", b"HTTP/1.1 103 Early\r\n\r\n", pause=0.02),
}


@pytest.mark.parametrize("name", SLOW)
def test_one_deadline_holds_for_everything(internet: Internet, name: str) -> None:
    """Each read makes progress, so only a total can end it."""
    with pytest.raises(FetchFailed) as caught:
        run(internet.fetch(SLOW[name], timeout=0.4))
    assert caught.value.message == FetchFailed.default


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_silence_ends_at_the_deadline(internet: Internet, scheme: str) -> None:
    async def scenario() -> None:
        async with internet.listen(stalls()) as server:
            with pytest.raises(FetchFailed):
                await internet.fetcher(timeout=0.4).fetch(f"{scheme}://public.example/")
            await server.all_closed()

    run(scenario())


def test_the_look_up_counts_too(internet: Internet) -> None:
    async def never(host: str, port: int) -> tuple[IPAddress, ...]:
        await asyncio.sleep(3600)
        return ()

    with pytest.raises(FetchFailed):
        run(internet.fetcher(timeout=0.4, resolve=never).fetch("http://public.example/"))


def test_redirects_share_the_deadline(internet: Internet) -> None:
    """Each hop takes less than the whole fetch may, both together take more."""
    moved = says(b"", response("302 Found", b"", Location="http://other.example/"), pause=0.4)
    late = says(b"", response(), pause=0.4)

    async def scenario() -> None:
        async with internet.listen(moved), internet.listen(late, "127.0.0.3"):
            url = "http://public.example/"
            assert await internet.fetcher().fetch(url) == b"image"
            with pytest.raises(FetchFailed):
                await internet.fetcher(timeout=0.6).fetch(url)

    run(scenario())


# Sizes


def test_the_limit_of_bytes_is_exact(internet: Internet) -> None:
    for body in (says(response(body=b"x" * 1000)), chunked(b"x" * 600, b"x" * 400)):
        assert len(run(internet.fetch(body, max_bytes=1000))) == 1000
        with pytest.raises(TooLarge):
            run(internet.fetch(body, max_bytes=999))


def chunked(*chunks: bytes) -> Answer:
    parts = [b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks]
    head = response(Transfer_Encoding="chunked", body=b"")
    return says(head, *parts, b"0\r\n\r\n")


def test_a_promise_of_too_much_is_refused_at_once(internet: Internet) -> None:
    """The server sends nothing after its headers: whoever waits for the body waits in vain."""
    with pytest.raises(TooLarge):
        run(internet.fetch(stalls(response(Content_Length="1001", body=b""))))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(
            repeats(
                response(Transfer_Encoding="chunked", body=b""),
                b"4000\r\n" + b"x" * 16_384 + b"\r\n",
            ),
            id="chunks",
        ),
        pytest.param(
            repeats(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 10_000), id="until the connection ends"
        ),
    ],
)
def test_an_endless_body_is_cut(internet: Internet, answer: Answer) -> None:
    with pytest.raises(TooLarge):
        run(internet.fetch(answer, max_bytes=100_000))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(repeats(b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 1000 + b"\r\n"), id="headers"),
        pytest.param(repeats(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 10_000), id="one header"),
        pytest.param(repeats(b"HTTP/1.1 200 ", b"y" * 10_000), id="status line"),
        pytest.param(
            repeats(response(Transfer_Encoding="chunked", body=b""), b"0" * 10_000), id="chunk size"
        ),
    ],
)
def test_endless_headers_are_cut(internet: Internet, answer: Answer) -> None:
    with pytest.raises(FetchFailed):
        run(internet.fetch(answer))


# Answers


@pytest.mark.parametrize("coding", ["utf-8", "none", "binary", "identity", "aws-chunked, utf-8"])
def test_a_coding_that_nobody_knows_means_nothing(internet: Internet, coding: str) -> None:
    """Objects in buckets keep what their uploader wrote."""
    answer = says(response(Content_Encoding=coding, body=b"image"))
    assert run(internet.fetch(answer)) == b"image"


@pytest.mark.parametrize(
    ("coding", "compress"),
    [("gzip", gzip.compress), ("X-GZIP, identity", gzip.compress), ("deflate", zlib.compress)],
)
def test_a_compressed_image_is_inflated(
    internet: Internet, coding: str, compress: Callable[[bytes], bytes]
) -> None:
    image = bytes(range(256)) * 3
    answer = says(response(Content_Encoding=coding, body=compress(image)))
    assert run(internet.fetch(answer)) == image


def test_a_bomb_is_cut_at_the_limit(internet: Internet) -> None:
    """100 kB that stand for 100 MB: no more than the limit is ever inflated."""
    bomb = gzip.compress(bytes(100_000_000))
    answer = says(response(Content_Encoding="gzip", body=bomb))
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            run(internet.fetch(answer))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.parametrize(
    ("body", "error"),
    [
        pytest.param(gzip.compress(b"image") + bytes(10_000_000), TooLarge, id="zeros behind"),
        pytest.param(gzip.compress(b"image") * 2, FetchFailed, id="two members"),
        pytest.param(
            gzip.compress(b"")[:10] + b"\0\0\0\xff\xff" * 2_000_000, TooLarge, id="empty blocks"
        ),
    ],
)
def test_bytes_that_inflate_to_nothing_end_the_fetch(
    internet: Internet, body: bytes, error: type[RequestError]
) -> None:
    """They would pass the limit of what is inflated, and zlib copies what is behind the end."""
    chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    answer = says(response(Content_Encoding="gzip", Transfer_Encoding="chunked", body=chunk))
    started = time.process_time()
    with pytest.raises(error):
        run(internet.fetch(answer))
    assert time.process_time() - started < 2


def test_the_operator_is_named_where_it_wants_to_be(internet: Internet) -> None:
    async def scenario() -> bytes:
        async with internet.listen(IMAGE) as server:
            await internet.fetcher(contact="https://photos.example/bot").fetch(
                "http://public.example/"
            )
            return server.requests[0]

    agent = f"\r\nUser-Agent: imgvec/{__version__} (+https://photos.example/bot)\r\n"
    assert agent.encode() in run(scenario())


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(says(response("404 Not Found")), id="404"),
        pytest.param(says(response("500 Internal Server Error")), id="500"),
        pytest.param(says(response("201 Created")), id="201"),
        pytest.param(says(response("203 Changed")), id="203"),
        pytest.param(says(response("206 Partial Content", Content_Range="bytes 0-4/9")), id="206"),
        pytest.param(says(b"HTTP/1.1 204 No Content\r\n\r\n"), id="204"),
        pytest.param(says(b"HTTP/1.1 304 Not Modified\r\n\r\n"), id="304"),
        pytest.param(says(response("300 Choices", Location="http://other.example/")), id="300"),
        pytest.param(says(b"HTTP/1.1 101 Switching\r\nUpgrade: a\r\n\r\n"), id="101"),
        pytest.param(says(response(body=b"")), id="empty"),
        pytest.param(chunked(), id="empty, in chunks"),
        pytest.param(says(response(Content_Encoding="gzip")), id="no gzip"),
        pytest.param(
            says(response(Content_Encoding="gzip", body=gzip.compress(b"image")[:-4])),
            id="gzip cut short",
        ),
        pytest.param(
            says(response(Content_Encoding="gzip, gzip", body=gzip.compress(b"image"))),
            id="gzip twice",
        ),
        pytest.param(says(response(Transfer_Encoding="gzip, chunked")), id="gzip underneath"),
        pytest.param(says(response(Content_Length="9", body=b"image")), id="body cut short"),
        pytest.param(says(response(Content_Length="-5", body=b"image")), id="negative length"),
        pytest.param(says(response(Content_Length="5x", body=b"image")), id="length of letters"),
        pytest.param(
            says(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 4\r\n\r\nimage"),
            id="two lengths",
        ),
        pytest.param(
            says(response(Transfer_Encoding="chunked", body=b"5\r\nimage\r\n")),
            id="chunks cut short",
        ),
        pytest.param(
            says(response(Transfer_Encoding="chunked", body=b"zz\r\nimage\r\n")), id="bad chunk"
        ),
        pytest.param(says(b""), id="nothing"),
        pytest.param(says(b"image"), id="no HTTP"),
        pytest.param(says(b"\x16\x03\x01\x02\0"), id="TLS without being asked"),
        pytest.param(says(b"HTTP/1.1 200 OK\r\nbroken\r\n\r\nimage"), id="broken header"),
        pytest.param(says(b"HTTP/1.1 200 OK\r\nA: \0\r\n\r\nimage"), id="null in a header"),
    ],
)
def test_anything_but_a_whole_200_is_a_failed_fetch(internet: Internet, answer: Answer) -> None:
    """With one text for all of them: neither status nor words of the other side come through."""
    with pytest.raises(FetchFailed) as caught:
        run(internet.fetch(answer))
    assert caught.value.message == FetchFailed.default


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(says(b"HTTP/1.1 200 OK\r\n\r\nimage"), id="until the connection ends"),
        pytest.param(says(b"HTTP/1.0 200 OK\r\n\r\nimage"), id="HTTP/1.0"),
        pytest.param(chunked(b"im", b"age"), id="in chunks"),
        pytest.param(says(response(Content_Encoding="Identity")), id="identity by name"),
        pytest.param(says(response(Content_Type="text/html")), id="any media type"),
        pytest.param(says(response(Content_Length="5, 5")), id="one length, twice"),
        pytest.param(
            says(response(Content_Length="5", body=b"image and more")), id="more than said"
        ),
        pytest.param(
            says(b"HTTP/1.1 103 Early\r\n\r\n" + response()), id="after an interim answer"
        ),
        pytest.param(says(b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nimage"), id="no reason"),
    ],
)
def test_a_whole_200_is_an_image(internet: Internet, answer: Answer) -> None:
    assert run(internet.fetch(answer)) == b"image"


@pytest.mark.parametrize("url", ["", "image.jpg", "http://", "http://a b/"])
def test_what_is_no_url_is_a_bad_parameter(internet: Internet, url: str) -> None:
    with pytest.raises(BadParameter):
        run(internet.fetcher().fetch(url))
