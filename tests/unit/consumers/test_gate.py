"""Who is let in, over a real store."""

from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from imgvec.consumers.gate import Gate
from imgvec.consumers.keys import mint
from imgvec.consumers.registry import CreatedKey, Registry
from imgvec.errors import KeyInvalid
from imgvec.stores.protocols import KeyRecord
from imgvec.stores.sqlite import SqliteStore
from imgvec.values import Caller


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path)
    yield store
    store.close()


def registry(store: SqliteStore, now: float) -> Registry:
    return Registry(store, who="root", clock=lambda: now)


@pytest.fixture
def created(store: SqliteStore) -> CreatedKey:
    return registry(store, 100.0).create_key("acme")


def refusal(store: SqliteStore, shown: Collection[str]) -> KeyInvalid:
    with pytest.raises(KeyInvalid) as caught:
        Gate(store).admit(shown)
    return caught.value


def test_a_key_names_its_consumer(store: SqliteStore, created: CreatedKey) -> None:
    assert Gate(store).admit([created.key]) == Caller("acme", created.record.key_id)


@pytest.mark.parametrize("times", [2, 3])
def test_the_same_key_in_several_places_is_one_key(
    store: SqliteStore, created: CreatedKey, times: int
) -> None:
    assert Gate(store).admit([created.key] * times).consumer == "acme"


def test_an_empty_place_is_no_key(store: SqliteStore, created: CreatedKey) -> None:
    assert Gate(store).admit(["", created.key]).consumer == "acme"
    assert refusal(store, [""]).message == "No API key was sent"


def test_no_key(store: SqliteStore) -> None:
    assert refusal(store, []).message == "No API key was sent"


def test_two_different_keys_are_refused_though_both_are_good(
    store: SqliteStore, created: CreatedKey
) -> None:
    other = registry(store, 101.0).create_key("acme")
    problem = refusal(store, [created.key, other.key])
    assert problem.message == "Two different API keys were sent"


def test_a_typo_is_told_from_a_revoked_key_without_a_look_up(
    created: CreatedKey, tmp_path: Path
) -> None:
    class Unasked(SqliteStore):
        def find_key(self, digest: str) -> KeyRecord | None:
            raise AssertionError("the store was asked about a typo")

    last = "0" if created.key[-1] != "0" else "1"
    with closing(Unasked(tmp_path / "unasked")) as unasked:
        problem = refusal(unasked, [created.key[:-1] + last])
    assert problem.message == "The API key is mistyped or truncated"


def test_unknown_and_revoked_keys_are_refused_in_the_same_words(
    store: SqliteStore, created: CreatedKey
) -> None:
    unknown = refusal(store, [mint()])
    registry(store, 200.0).revoke_key(created.record.key_id)
    revoked = refusal(store, [created.key])
    assert unknown.message == revoked.message == "The API key is unknown or revoked"


def test_revoking_is_felt_by_a_gate_that_has_admitted_the_key(
    store: SqliteStore, created: CreatedKey
) -> None:
    gate = Gate(store)
    gate.admit([created.key])
    registry(store, 200.0).revoke_key(created.record.key_id)
    with pytest.raises(KeyInvalid):
        gate.admit([created.key])


def test_another_key_of_the_consumer_outlives_a_revoked_one(
    store: SqliteStore, created: CreatedKey
) -> None:
    second = registry(store, 101.0).create_key("acme")
    registry(store, 200.0).revoke_key(created.record.key_id)
    assert Gate(store).admit([second.key]) == Caller("acme", second.record.key_id)


def test_a_store_that_answers_with_another_key_lets_nobody_in(
    store: SqliteStore, created: CreatedKey, tmp_path: Path
) -> None:
    class Careless(SqliteStore):
        """Finds whatever has a similar digest, as a look-up without regard to case would."""

        def find_key(self, digest: str) -> KeyRecord | None:
            return replace(created.record, digest=digest.upper())

    with closing(Careless(tmp_path / "careless")) as careless:
        assert refusal(careless, [created.key]).message == "The API key is unknown or revoked"


def test_a_refusal_does_not_repeat_the_key(store: SqliteStore) -> None:
    key = mint()
    for shown in ([key], [key, mint()], [key + "x"]):
        assert key not in str(refusal(store, shown))
