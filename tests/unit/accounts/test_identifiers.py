"""Names at an imitated gateway: none is given to a request before the gateway takes it."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from imgvec.aws.gateway_keys.identifiers import Identifiers, Tier, states, tier_of
from imgvec.aws.gateway_keys.names import CACHE_SECONDS
from imgvec.errors import StackError
from imgvec.stores.sqlite import SqliteStore
from imgvec.types import Plan
from tests.support.accounts.identifiers_in_memory import IdentifiersInMemory

SLOW, MIDDLE, FAST = Tier("slow", 5, 10), Tier("middle", 20, 40), Tier("fast", 100, 200)
TIERS = (SLOW, MIDDLE, FAST)


@dataclass
class Gateway:
    """`GatewayKeys` in memory, with a clock that only waiting moves."""

    identifiers: IdentifiersInMemory = field(default_factory=IdentifiersInMemory)
    attached: dict[str, str] = field(default_factory=dict)
    """Usage plan by key."""
    made: int = 0
    now: float = 0.0
    learns_after: float = 0.0
    """Seconds from which it takes new keys."""
    refuses: bool = False
    remembered: dict[str, float] = field(default_factory=dict)
    """When an authorizer last saw that a consumer's name was accepted."""

    def tiers(self) -> tuple[Tier, ...]:
        """All three."""
        return TIERS

    def find(self, consumer: str) -> str | None:
        """A key."""
        return consumer if consumer in self.attached else None

    def ensure(self, consumer: str) -> str:
        """Make a key."""
        if self.refuses:
            raise StackError("API Gateway refuses.")
        self.made += consumer not in self.attached
        self.attached.setdefault(consumer, "")
        return consumer

    def attach(self, consumer: str, gateway_key: str, usage_plan: str) -> None:
        """Attach it, for a moment to none."""
        self._change(gateway_key)
        self.attached[gateway_key] = usage_plan

    def list_keys(self) -> list[str]:
        """Keys."""
        return list(self.attached)

    def delete(self, gateway_key: str) -> None:
        """Delete a key."""
        self._change(gateway_key)
        del self.attached[gateway_key]

    def accepts(self, consumer: str) -> bool:
        """Whether a probe passes."""
        return self.now >= self.learns_after

    def sleep(self, seconds: float) -> None:
        """Time goes by, and authorizers look."""
        self._look()
        self.now += seconds

    def _look(self) -> None:
        for one in self.identifiers.list_identifiers():
            if one.accepted:
                self.remembered[one.consumer] = self.now

    def _change(self, consumer: str) -> None:
        """Where a key that an authorizer may still give is taken away, callers would see a 403."""
        self._look()
        last = self.remembered.get(consumer)
        assert last is None or self.now > last + CACHE_SECONDS


@pytest.fixture
def plans(tmp_path: Path) -> Iterator[SqliteStore]:
    """A plan for each tier."""
    with closing(SqliteStore(tmp_path)) as store:
        for name, rate in (("small", 5.0), ("medium", 5.5), ("large", 50.0)):
            store.put_plan(Plan(name, rate))
        yield store


@pytest.fixture
def gateway() -> Gateway:
    """Without a key."""
    return Gateway()


@pytest.fixture
def desk(plans: SqliteStore, gateway: Gateway) -> Identifiers:
    """What an operator's commands use."""
    return Identifiers(plans, gateway.identifiers, gateway, gateway.accepts, gateway.sleep)


@pytest.mark.parametrize(
    ("plan", "tier"),
    [
        (None, FAST),
        (Plan("p"), FAST),
        (Plan("p", 0.1), SLOW),
        (Plan("p", 5.0), SLOW),
        (Plan("p", 5.0, burst=10), SLOW),
        (Plan("p", 5.0, burst=11), MIDDLE),
        (Plan("p", 5.1), MIDDLE),
        (Plan("p", 20.1), FAST),
        (Plan("p", 500.0), FAST),
    ],
)
def test_a_plan_is_in_the_tier_at_or_above(plan: Plan | None, tier: Tier) -> None:
    assert tier_of(plan, TIERS) is tier


def test_a_stack_without_tiers_has_no_names() -> None:
    with pytest.raises(StackError, match="GatewayKeys=off"):
        tier_of(None, ())


def test_one_name_a_consumer_however_often(
    desk: Identifiers, gateway: Gateway, plans: SqliteStore
) -> None:
    plans.assign_plan("a", "small")
    for _ in range(3):
        desk.attach(["a", "a", "b"])
    assert gateway.attached == {"a": "slow", "b": "fast"}
    assert gateway.made == 2
    assert states(gateway.identifiers, ["a", "b", "c"]) == {"a": "own", "b": "own", "c": "shared"}
    # Nothing was left to do the second time.
    assert gateway.now < 1


def test_another_plan_is_another_tier_and_nobody_is_refused_meanwhile(
    desk: Identifiers, gateway: Gateway, plans: SqliteStore
) -> None:
    plans.assign_plan("a", "small")
    desk.attach(["a"])
    plans.assign_plan("a", "medium")
    desk.attach(["a"])
    assert gateway.attached == {"a": "middle"}
    assert states(gateway.identifiers, ["a"]) == {"a": "own"}
    assert gateway.now > CACHE_SECONDS


def test_a_name_is_pending_until_the_gateway_takes_it(desk: Identifiers, gateway: Gateway) -> None:
    gateway.learns_after = 40.0
    desk.attach(["a"])
    assert states(gateway.identifiers, ["a"]) == {"a": "own"}
    assert 40 <= gateway.now < 45
    gateway.learns_after = 1000.0
    desk.attach(["b"])
    assert gateway.now < 120, "nobody waits for ever"
    assert states(gateway.identifiers, ["a", "b"]) == {"a": "own", "b": "pending"}
    gateway.now = 1000.0
    desk.attach(["b"])
    assert states(gateway.identifiers, ["b"]) == {"b": "own"}
    assert gateway.made == 2


def test_a_refusal_leaves_no_half_name(desk: Identifiers, gateway: Gateway) -> None:
    gateway.refuses = True
    with pytest.raises(StackError):
        desk.attach(["a"])
    assert states(gateway.identifiers, ["a"]) == {"a": "shared"}


def test_beyond_the_most_consumers_share(
    desk: Identifiers, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgvec.aws.gateway_keys.identifiers.MOST", 2)
    desk.attach(["a"])
    desk.attach(["c", "b", "d"])
    desk.attach(["a", "d"])
    assert set(gateway.attached) == {"a", "c"}
    assert states(gateway.identifiers, ["b", "d"]) == {"b": "shared", "d": "shared"}


def test_detached_consumers_share_and_nobody_is_refused_meanwhile(
    desk: Identifiers, gateway: Gateway
) -> None:
    desk.attach(["a", "b"])
    assert desk.detach() == 2
    assert gateway.attached == {}
    assert gateway.identifiers.list_identifiers() == []
    assert desk.detach() == 0


def test_one_name_is_deleted_and_the_others_stay(desk: Identifiers, gateway: Gateway) -> None:
    desk.attach(["a", "b"])
    assert desk.remove("a")
    assert (set(gateway.attached), list(gateway.identifiers.known)) == ({"b"}, ["b"])
    assert not desk.remove("a")
    # A process died after the key was made, and before it was stored.
    gateway.ensure("a")
    assert desk.remove("a")
    assert set(gateway.attached) == {"b"}


def test_new_keys_are_made_no_faster_than_the_gateway_takes_them(
    desk: Identifiers, gateway: Gateway
) -> None:
    desk.attach([f"c{number}" for number in range(50)])
    assert gateway.made / gateway.now < 5
