"""Who is let in, over a real store."""

from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from imgvec.accounts.authentication import NO_KEY, Authenticator
from imgvec.accounts.cache import MOST, Cache
from imgvec.accounts.keys import mint
from imgvec.accounts.ports import KeyRecord
from imgvec.accounts.registry import CreatedKey, Registry
from imgvec.errors import KeyDisabled, KeyInvalid, SpaceForbidden, TooFast
from imgvec.stores.sqlite import SqliteStore
from imgvec.types import Plan, Principal, Quota


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
        Authenticator(store).authenticate(shown)
    return caught.value


def test_a_key_names_its_consumer(store: SqliteStore, created: CreatedKey) -> None:
    assert Authenticator(store).authenticate([created.key]) == Principal(
        "acme", created.record.key_id
    )


@pytest.mark.parametrize("times", [2, 3])
def test_the_same_key_in_several_places_is_one_key(
    store: SqliteStore, created: CreatedKey, times: int
) -> None:
    assert Authenticator(store).authenticate([created.key] * times).consumer == "acme"


def test_an_empty_place_is_no_key(store: SqliteStore, created: CreatedKey) -> None:
    assert Authenticator(store).authenticate(["", created.key]).consumer == "acme"
    assert refusal(store, [""]).message == NO_KEY


def test_no_key(store: SqliteStore) -> None:
    assert refusal(store, []).message == NO_KEY


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
    gate = Authenticator(store)
    gate.authenticate([created.key])
    registry(store, 200.0).revoke_key(created.record.key_id)
    with pytest.raises(KeyInvalid):
        gate.authenticate([created.key])


def test_another_key_of_the_consumer_outlives_a_revoked_one(
    store: SqliteStore, created: CreatedKey
) -> None:
    second = registry(store, 101.0).create_key("acme")
    registry(store, 200.0).revoke_key(created.record.key_id)
    assert Authenticator(store).authenticate([second.key]) == Principal(
        "acme", second.record.key_id
    )


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


class TestStates:
    def test_an_expired_key(self, store: SqliteStore) -> None:
        created = registry(store, 100.0).create_key("acme", expires=200.0)
        assert (
            Authenticator(store, clock=lambda: 199.9).authenticate([created.key]).consumer == "acme"
        )
        with pytest.raises(KeyInvalid, match="expired"):
            Authenticator(store, clock=lambda: 200.0).authenticate([created.key])

    def test_a_disabled_key_until_it_is_enabled(
        self, store: SqliteStore, created: CreatedKey
    ) -> None:
        registry(store, 200.0).disable_key(created.record.key_id)
        with pytest.raises(KeyDisabled):
            Authenticator(store).authenticate([created.key])
        registry(store, 201.0).enable_key(created.record.key_id)
        assert Authenticator(store).authenticate([created.key]).consumer == "acme"

    def test_what_is_over_is_told_before_what_is_off(
        self, store: SqliteStore, created: CreatedKey
    ) -> None:
        registry(store, 200.0).disable_key(created.record.key_id)
        registry(store, 200.0).revoke_key(created.record.key_id)
        with pytest.raises(KeyInvalid, match="unknown or revoked"):
            Authenticator(store).authenticate([created.key])

    def test_the_time_of_use_is_kept_to_a_minute(
        self, store: SqliteStore, created: CreatedKey
    ) -> None:
        used = []
        for now in (1000.0, 1030.0, 1059.9, 1060.0, 1100.0):
            Authenticator(store, clock=partial(float, now)).authenticate([created.key])
            used.append(store.list_keys()[0].used)
        assert used == [1000.0, 1000.0, 1000.0, 1060.0, 1060.0]

    def test_a_refused_key_is_not_used(self, store: SqliteStore, created: CreatedKey) -> None:
        registry(store, 200.0).disable_key(created.record.key_id)
        with pytest.raises(KeyDisabled):
            Authenticator(store).authenticate([created.key])
        assert store.list_keys()[0].used is None


class TestPlans:
    def caller(self, store: SqliteStore, created: CreatedKey, plan: Plan) -> Principal:
        registry(store, 1.0).put_plan(plan)
        registry(store, 1.0).assign_plan("acme", plan.name)
        return Authenticator(store).authenticate([created.key])

    def test_the_caller_has_the_consumers_plan(
        self, store: SqliteStore, created: CreatedKey
    ) -> None:
        plan = Plan("small", 2.5, 7, Quota(10, 100), frozenset({512, 768}), soft=True)
        assert self.caller(store, created, plan).plan == plan

    def test_a_changed_plan_is_felt_at_once(self, store: SqliteStore, created: CreatedKey) -> None:
        self.caller(store, created, Plan("small", quota=Quota(1)))
        caller = self.caller(store, created, Plan("small", quota=Quota(2)))
        assert caller.plan == Plan("small", quota=Quota(2))

    def test_spaces(self, store: SqliteStore, created: CreatedKey) -> None:
        caller = self.caller(store, created, Plan("small", spaces=frozenset({512})))
        gate = Authenticator(store)
        assert gate.authorize(caller, 512) is None
        with pytest.raises(SpaceForbidden):
            gate.authorize(caller, 768)

    def test_a_forbidden_space_takes_no_token(
        self, store: SqliteStore, created: CreatedKey
    ) -> None:
        plan = Plan("small", rate=0.001, burst=1, spaces=frozenset({512}))
        caller, gate = self.caller(store, created, plan), Authenticator(store)
        with pytest.raises(SpaceForbidden):
            gate.authorize(caller, 768)
        assert gate.authorize(caller, 512) is not None
        with pytest.raises(TooFast):
            gate.authorize(caller, 512)


class TestCache:
    def test_a_revoked_key_is_refused_when_the_cache_time_is_over(
        self, store: SqliteStore, created: CreatedKey, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = [1000.0]
        gate = Authenticator(store, cache_seconds=30.0, clock=lambda: now[0])
        monkeypatch.setattr(gate, "_known", Cache(30.0, clock=lambda: now[0]))
        gate.authenticate([created.key])
        registry(store, 1000.0).revoke_key(created.record.key_id)
        now[0] += 29.9
        assert gate.authenticate([created.key]).consumer == "acme", (
            "positive control: it is remembered"
        )
        now[0] += 0.1
        with pytest.raises(KeyInvalid):
            gate.authenticate([created.key])

    def test_a_key_that_was_unknown_works_as_soon_as_it_is_made(self, store: SqliteStore) -> None:
        gate = Authenticator(store, cache_seconds=30.0)
        created = registry(store, 1.0).create_key("acme")
        store.revoke_key(created.record.key_id, 2.0)
        with pytest.raises(KeyInvalid):
            gate.authenticate([mint()])
        assert gate.authenticate([registry(store, 3.0).create_key("acme").key]).consumer == "acme"

    def test_it_does_not_grow_without_end(self) -> None:
        cache = Cache[int](30.0)
        for number in range(MOST + 5):
            cache.put(str(number), number)
        assert [cache.get("4"), cache.get("5")] == [None, 5]
