"""Under which name a request is throttled; nothing is ever denied."""

import pytest

from imgvec.consumers.authorizer import (
    ANONYMOUS,
    CACHE_KEYS,
    CACHE_SECONDS,
    POOL,
    Consumers,
    Shown,
    throttled_as,
)
from imgvec.consumers.keys import digest, mint
from imgvec.errors import StoreError

KEY = mint()
OTHER = mint()
NAMES = {digest(KEY): "consumer-a", digest(OTHER): "consumer-b"}


class Table:
    """What is known, and how often it was asked."""

    def __init__(self) -> None:
        self.names = dict(NAMES)
        self.asked = 0
        self.now = 0.0
        self.broken = False

    def look_up(self, hashed: str) -> str | None:
        self.asked += 1
        if self.broken:
            raise StoreError("The table cannot be reached.")
        return self.names.get(hashed)

    def consumers(self) -> Consumers:
        return Consumers(self.look_up, lambda: self.now)


def shown(
    headers: dict[str, str] | None = None, query: dict[str, str] | None = None, address: str = ""
) -> Shown:
    return Shown(headers or {}, query or {}, address)


@pytest.mark.parametrize(
    "request_",
    [
        shown({"x-api-key": KEY}),
        shown({"authorization": KEY}),
        shown({"authorization": f"Bearer {KEY}"}),
        shown({"authorization": f"bearer  {KEY} "}),
        shown({"www-authenticate": KEY}),
        shown({"x-imgvec-key": KEY}),
        shown(query={"key": KEY}),
        shown({"x-api-key": KEY, "authorization": f"Bearer {KEY}"}),
    ],
    ids=lambda request_: "+".join([*request_.headers, *request_.query]),
)
def test_every_place_where_a_dialect_shows_a_key(request_: Shown) -> None:
    assert throttled_as(request_, Table().consumers()) == "consumer-a"


@pytest.mark.parametrize(
    "request_",
    [
        shown({"x-api-key": "junk"}),
        shown({"x-api-key": mint()}),
        shown({"x-api-key": KEY[:-1]}),
        shown({"authorization": f"Basic {KEY}"}),
        shown({"x-api-key": KEY, "authorization": OTHER}),
        shown({"x-api-key": KEY}, {"key": "junk"}),
    ],
    ids=["junk", "unknown", "mistyped", "basic", "two consumers", "one bad"],
)
def test_a_bad_key_is_anonymous(request_: Shown) -> None:
    assert throttled_as(request_, Table().consumers()) == ANONYMOUS


def test_without_a_key_the_address_chooses_of_the_pool() -> None:
    consumers = Table().consumers()
    chosen = {throttled_as(shown(address=f"192.0.2.{n}"), consumers) for n in range(200)}
    assert len(chosen) > 32
    assert chosen <= set(POOL)
    assert len({throttled_as(shown(address="192.0.2.7"), consumers) for _ in range(9)}) == 1


def test_an_ipv6_host_does_not_get_many_names() -> None:
    consumers = Table().consumers()
    same = {throttled_as(shown(address=f"2001:db8:1:2::{n:x}"), consumers) for n in range(99)}
    others = {throttled_as(shown(address=f"2001:db8:1:{n:x}::1"), consumers) for n in range(99)}
    assert len(same) == 1
    assert len(others) > 16


@pytest.mark.parametrize("address", ["", "unix:", "300.1.1.1", "fe80::1%eth0"])
def test_a_strange_address_has_a_name_too(address: str) -> None:
    assert throttled_as(shown(address=address), Table().consumers()) in POOL


def test_what_was_found_is_known_for_thirty_seconds_also_if_it_is_nothing() -> None:
    table = Table()
    consumers = table.consumers()
    unknown = mint()
    for _ in range(3):
        assert consumers.name_of(KEY) == "consumer-a"
        assert consumers.name_of(unknown) is None
    assert table.asked == 2
    table.names[digest(unknown)] = "consumer-c"
    table.now = CACHE_SECONDS + 1
    assert consumers.name_of(unknown) == "consumer-c"
    assert table.asked == 3


def test_a_mistyped_key_asks_nobody() -> None:
    table = Table()
    assert table.consumers().name_of("imgvec_" + "a" * 33) is None
    assert table.asked == 0


def test_a_store_that_fails_denies_nobody_and_is_asked_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    table = Table()
    consumers = table.consumers()
    table.broken = True
    assert throttled_as(shown({"x-api-key": KEY}), consumers) == ANONYMOUS
    assert KEY not in caplog.text
    assert "cannot be reached" in caplog.text
    table.broken = False
    assert throttled_as(shown({"x-api-key": KEY}), consumers) == "consumer-a"


def test_junk_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imgvec.consumers.authorizer.CACHE_KEYS", 3)
    table = Table()
    consumers = table.consumers()
    for _ in range(9):
        consumers.name_of(mint())
    assert len(vars(consumers)["_known"]) <= 3 < CACHE_KEYS
