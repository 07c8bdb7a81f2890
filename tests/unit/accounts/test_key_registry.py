"""Making and revoking keys, over a real store."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgvec.accounts.keys import digest, well_formed
from imgvec.accounts.registry import Registry
from imgvec.errors import ConsumerError
from imgvec.stores.sqlite import SqliteStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path)
    yield store
    store.close()


def registry(store: SqliteStore, now: float) -> Registry:
    return Registry(store, who="root", clock=lambda: now)


def test_a_new_key_is_stored_by_its_digest(store: SqliteStore) -> None:
    created = registry(store, 123.5).create_key("acme")
    assert well_formed(created.key)
    assert re.fullmatch(r"k_[0-9A-Za-z]{10}", created.record.key_id)
    assert (created.record.consumer, created.record.created) == ("acme", 123.5)
    assert store.find_key(digest(created.key)) == created.record


def test_the_key_is_in_no_file_of_the_store(store: SqliteStore, tmp_path: Path) -> None:
    created = registry(store, 1.0).create_key("acme")
    while_open = [path.read_bytes() for path in tmp_path.iterdir()]
    store.close()
    closed = [path.read_bytes() for path in tmp_path.iterdir()]
    random_part = created.key.removeprefix("imgvec_")[:27].encode()
    for files in (while_open, closed):
        assert any(created.record.digest.encode() in content for content in files)
        assert not any(random_part in content for content in files)


def test_the_key_is_not_shown_by_accident(store: SqliteStore) -> None:
    created = registry(store, 1.0).create_key("acme")
    assert created.key not in repr(created)


def test_a_consumer_may_have_several_keys(store: SqliteStore) -> None:
    first = registry(store, 1.0).create_key("acme")
    second = registry(store, 2.0).create_key("acme")
    assert first.key != second.key
    assert store.list_keys() == [first.record, second.record]


@pytest.mark.parametrize("name", ["a", "A-Z.a_z-09", "x" * 64])
def test_names_of_consumers(store: SqliteStore, name: str) -> None:
    assert registry(store, 1.0).create_key(name).record.consumer == name


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="empty"),
        pytest.param("x" * 65, id="too-long"),
        pytest.param("a b", id="space"),
        pytest.param("a/b", id="slash"),
        pytest.param("acme\n", id="newline"),
        pytest.param("müller", id="not-ascii"),
    ],
)
def test_names_that_no_consumer_may_have(store: SqliteStore, name: str) -> None:
    with pytest.raises(ConsumerError, match="1 to 64 letters"):
        registry(store, 1.0).create_key(name)
    assert store.list_keys() == []


def test_revoking_twice_or_nothing_is_refused(store: SqliteStore) -> None:
    created = registry(store, 1.0).create_key("acme")
    registry(store, 2.0).revoke_key(created.record.key_id)
    with pytest.raises(ConsumerError, match="revoked before"):
        registry(store, 3.0).revoke_key(created.record.key_id)
    with pytest.raises(ConsumerError, match="no such key"):
        registry(store, 3.0).revoke_key("k_unknown")
    assert [record.revoked for record in store.list_keys()] == [2.0]
