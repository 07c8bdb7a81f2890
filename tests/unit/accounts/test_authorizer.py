"""Under which name a request is throttled; nothing is ever denied."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from imgvec.accounts.keys import digest, mint
from imgvec.accounts.ports import Identifier, KeyRecord
from imgvec.api.mounts import Dialect
from imgvec.aws.gateway_keys.names import (
    CACHE_SECONDS,
    PROBE,
    SHARED,
    Consumers,
    Shown,
    own_name,
    throttled_as,
)
from imgvec.dialects import all_dialects
from imgvec.errors import ImgvecError, StoreError, TooFast
from imgvec.stores.sqlite import SqliteStore
from tests.support.accounts.identifiers_in_memory import IdentifiersInMemory

KEY = mint()
OTHER = mint()


class Table(SqliteStore):
    """A store that counts how often it is asked for a key, and may fail."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.asked = 0
        self.now = 0.0
        self.fault: ImgvecError | None = None
        self.identifiers = IdentifiersInMemory()
        self.consumers = Consumers(self, self.identifiers, lambda: self.now)
        self.learn(KEY, "a")
        self.learn(OTHER, "b")

    def learn(self, key: str, consumer: str) -> None:
        """Give a consumer a key."""
        self.add_key(KeyRecord(f"k_{key[-8:]}", consumer, digest(key), created=1.0))

    def find_key(self, digest: str) -> KeyRecord | None:
        """As ever."""
        self.asked += 1
        if self.fault is not None:
            raise self.fault
        return super().find_key(digest)


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    """Two consumers with a key each."""
    with closing(Table(tmp_path)) as store:
        yield store


COREVIZ, PIXLAB, MEMORIES = "/api/ai/embed", "/imgembed", "/serve/api/v2/upload"
WEAVIATE = "/weaviate/768/vectorize"
BEDROCK = "/bedrock/model/arn:aws:bedrock:eu-west-1::foundation-model/cohere.embed-v4:0/invoke"
SIGNED = "AWS4-HMAC-SHA256 Credential=imgvec/20261130/eu-west-1/bedrock/aws4_request"


def basic(password: str) -> str:
    return "Basic " + b64encode(f"imgvec:{password}".encode()).decode()


def shown(
    headers: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    path: str = COREVIZ,
) -> Shown:
    return Shown(path, headers or {}, query or {})


def accept(table: "Table", consumer: str) -> None:
    """Give a consumer a name of its own that the gateway takes."""
    table.identifiers.put_identifier(Identifier(consumer, "g", "p", accepted=True))


@pytest.mark.parametrize(
    "request_",
    [
        shown({"x-api-key": KEY}),
        shown({"authorization": f"Bearer {KEY}"}),
        shown({"authorization": KEY}, path=MEMORIES),
        shown({"authorization": f"bearer  {KEY} "}, path=MEMORIES),
        shown({"www-authenticate": KEY}, path=PIXLAB),
        shown({"x-imgvec-key": KEY}, path=PIXLAB),
        shown(query={"key": KEY}, path=PIXLAB),
        shown({"x-api-key": KEY, "authorization": f"Bearer {KEY}"}),
        # Something else, or another's key, where only another dialect would look for one.
        shown({"x-api-key": KEY}, {"key": "junk"}),
        shown({"x-api-key": KEY, "www-authenticate": OTHER, "x-imgvec-key": OTHER}),
        shown({"authorization": KEY, "x-api-key": "junk"}, {"key": OTHER}, MEMORIES),
        shown({"authorization": OTHER, "x-api-key": "junk"}, {"key": KEY}, PIXLAB),
        shown({"authorization": basic(KEY)}, path=WEAVIATE),
        shown({"authorization": f"Bearer {KEY}"}, path=WEAVIATE),
        shown({"authorization": f"Bearer {KEY}"}, path=BEDROCK),
        shown({"authorization": SIGNED, "x-amz-security-token": KEY}, path=BEDROCK),
    ],
    ids=lambda request_: "+".join([request_.path, *request_.headers, *request_.query]),
)
def test_every_place_where_the_dialect_of_a_path_reads_a_key(table: Table, request_: Shown) -> None:
    accept(table, "a")
    accept(table, "b")
    assert throttled_as(request_, table.consumers) == own_name("a")


@pytest.mark.parametrize(
    "request_",
    [
        shown(),
        shown({"x-api-key": "junk"}),
        shown({"x-api-key": mint()}),
        shown({"x-api-key": KEY[:-1]}),
        shown({"authorization": f"Basic {KEY}"}),
        shown({"authorization": KEY}),
        shown({"x-api-key": KEY, "authorization": f"Bearer {OTHER}"}),
        shown({"www-authenticate": KEY}, {"key": "junk"}, PIXLAB),
        shown({"x-api-key": KEY}, path="/api/aim"),
        shown({"x-api-key": KEY, "authorization": KEY}, {"key": KEY}, "/nothing"),
        shown({"x-api-key": KEY}, path=MEMORIES),
        shown({"authorization": KEY}, path=WEAVIATE),
        shown({"authorization": "Basic é"}, path=WEAVIATE),
        shown({"authorization": basic("")}, path=WEAVIATE),
        shown({"authorization": basic(KEY)}, path="/weaviate/640/vectorize"),
        shown({"authorization": SIGNED}, path=BEDROCK),
        shown({"authorization": f"Bearer {KEY}", "x-amz-security-token": OTHER}, path=BEDROCK),
    ],
    ids=[
        "none",
        "junk",
        "unknown",
        "mistyped",
        "basic",
        "not bearer",
        "two consumers",
        "one bad",
        "beside a prefix",
        "unknown path",
        "another dialect's place",
        "not basic",
        "no base64",
        "no password",
        "no mount",
        "a signature alone",
        "bearer and token differ",
    ],
)
def test_callers_that_cannot_be_told_apart_share_a_name(table: Table, request_: Shown) -> None:
    accept(table, "a")
    accept(table, "b")
    assert throttled_as(request_, table.consumers) == SHARED


def test_what_was_found_is_known_for_thirty_seconds_also_if_it_is_nothing(table: Table) -> None:
    consumers = table.consumers
    unknown = mint()
    accept(table, "a")
    accept(table, "c")
    for _ in range(3):
        assert consumers.name_of(KEY) == own_name("a")
        assert consumers.name_of(unknown) is None
    assert table.asked == 2
    table.learn(unknown, "c")
    table.now = CACHE_SECONDS + 1
    assert consumers.name_of(unknown) == own_name("c")
    assert table.asked == 3


def test_a_mistyped_key_asks_nobody(table: Table) -> None:
    assert table.consumers.name_of("imgvec_" + "a" * 33) is None
    assert table.asked == 0


def test_a_revoked_key_is_nobodys(table: Table) -> None:
    accept(table, "a")
    (record,) = [one for one in table.list_keys() if one.consumer == "a"]
    table.revoke_key(record.key_id, 2.0)
    assert throttled_as(shown({"x-api-key": KEY}), table.consumers) == SHARED


@pytest.mark.parametrize("fault", [StoreError("cannot be reached"), TooFast()], ids=repr)
def test_a_store_that_fails_denies_nobody_and_is_asked_again(
    table: Table, caplog: pytest.LogCaptureFixture, fault: ImgvecError
) -> None:
    accept(table, "a")
    table.fault = table.identifiers.fault = fault
    assert throttled_as(shown({"x-api-key": KEY}), table.consumers) == SHARED
    assert throttled_as(shown({PROBE: "a"}), table.consumers) == SHARED
    assert KEY not in caplog.text
    assert caplog.text.count(str(fault)) == 2
    table.fault = None
    assert throttled_as(shown({"x-api-key": KEY}), table.consumers) == SHARED
    table.identifiers.fault = None
    assert throttled_as(shown({"x-api-key": KEY}), table.consumers) == own_name("a")


def test_junk_does_not_fill_the_memory(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imgvec.accounts.cache.MOST", 3)
    table.consumers.name_of(KEY)
    for _ in range(3):
        table.consumers.name_of(mint())
    before = table.asked
    table.consumers.name_of(KEY)
    assert table.asked == before + 1, "it made room for the others"


@pytest.mark.parametrize("dialect", all_dialects(), ids=lambda one: one.name)
def test_the_head_keys_of_a_dialect_are_those_that_it_describes(dialect: Dialect) -> None:
    (route, *_) = dialect.router.routes
    assert isinstance(route, APIRoute)
    package = import_module(route.endpoint.__module__.rpartition(".")[0])
    described = {
        (place.get("in", "header"), place.get("name", "authorization").lower())
        for place in dialect.key_places.values()
    }
    named = {("header", name) for name in package.HEAD.headers}
    assert described == named | {("query", name) for name in package.HEAD.query}


class TestOwnNames:
    def test_only_an_accepted_one_is_given(self, table: Table) -> None:
        pending = Identifier("a", "g1", "p1")
        table.identifiers.put_identifier(pending)
        assert throttled_as(shown({"x-api-key": KEY}), table.consumers) == SHARED
        table.identifiers.put_identifier(Identifier("a", "g1", "p1", accepted=True))
        table.now = CACHE_SECONDS + 1
        assert throttled_as(shown({"x-api-key": KEY}), table.consumers) == own_name("a")
        assert throttled_as(shown({"x-api-key": OTHER}), table.consumers) == SHARED

    def test_a_probe_is_given_a_pending_one_and_no_other(self, table: Table) -> None:
        table.identifiers.put_identifier(Identifier("a", "g1", "p1"))
        table.identifiers.put_identifier(Identifier("b", "g2", "p1", accepted=True))
        names = {
            asked: throttled_as(shown({PROBE: asked}), table.consumers) for asked in ("a", "b", "c")
        }
        assert names["a"] == own_name("a")
        # Nobody uses up the rate of somebody whose name is in use.
        assert {names["b"], names["c"]} == {SHARED}

    def test_names_are_apart_from_the_shared_one_and_of_characters_that_a_key_may_have(
        self,
    ) -> None:
        names = [own_name(consumer) for consumer in ("00", "shared", "a.b", "A_b")]
        assert len(set(names)) == 4
        assert SHARED not in names
        assert all(name.replace("-", "").isalnum() for name in names)
        # With the prefix of the longest sensible stack's name, what API Gateway takes.
        assert len("imgvec-gateway-" + "x" * 64 + "-" + names[0]) <= 128
