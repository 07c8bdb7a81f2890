"""Creates a gateway key for each consumer and attaches it to a usage plan.

A new key reaches the gateway with delay, and until then the gateway answers 403 to requests that
carry its name. So the name is `pending` at first, and the authorizer returns the shared name.
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from imgvec.accounts.ports import Identifier, IdentifierStore, PlanStore
from imgvec.aws.gateway_keys.names import CACHE_SECONDS
from imgvec.errors import StackError
from imgvec.types import Plan

MOST: Final = 9_000
"""Most names of a stack. A region allows 10,000 API keys; further consumers share a name."""

PACE_SECONDS: Final = 0.25
"""Pause between two new keys: API Gateway allows 5 a second."""

ROUNDS: Final = 20
ROUND_SECONDS: Final = 3.0
"""Number and interval of the probes of a pending name."""


@dataclass(frozen=True, slots=True)
class Tier:
    """A usage plan of the stack."""

    usage_plan: str
    """Its id."""
    rate: float
    """Sustained requests a second."""
    burst: int


class GatewayKeys(Protocol):
    """The gateway keys of a stack. Each call may raise `StackError`."""

    def tiers(self) -> Sequence[Tier]:
        """Usage plans for consumers, slowest first."""

    def find(self, consumer: str) -> str | None:
        """Id of the consumer's key; None if absent."""

    def ensure(self, consumer: str) -> str:
        """Id of the consumer's key, created if absent."""

    def attach(self, consumer: str, gateway_key: str, usage_plan: str) -> None:
        """Attach a key to this usage plan only."""

    def list_keys(self) -> Sequence[str]:
        """Ids of the keys of all consumers."""

    def delete(self, gateway_key: str) -> None:
        """Delete a key, which also detaches it."""


class Identifiers:
    """Manages the names of consumers at the gateway of one stack."""

    def __init__(
        self,
        plans: PlanStore,
        identifiers: IdentifierStore,
        keys: GatewayKeys,
        accepts: Callable[[str], bool],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`accepts` returns whether the gateway accepts a consumer's pending name."""
        self._plans = plans
        self._store = identifiers
        self._keys = keys
        self._accepts = accepts
        self._sleep = sleep

    def attach(self, consumers: Collection[str]) -> None:
        """Give each consumer a name in the tier of its plan, unless it has that already.

        `states` returns the result. A second call completes names that are still pending.

        Raises:
            StackError: the gateway rejects a call.
            StoreError: the table cannot be used.
        """
        wanted = self._outdated(consumers)
        self._step_back([one for one in self._store.list_identifiers() if one.consumer in wanted])
        for name, usage_plan in wanted.items():
            gateway_key = self._keys.ensure(name)
            self._keys.attach(name, gateway_key, usage_plan)
            self._store.put_identifier(Identifier(name, gateway_key, usage_plan))
            self._sleep(PACE_SECONDS)
        self._accept([one for one in self._store.list_identifiers() if one.consumer in wanted])

    def detach(self) -> int:
        """Delete the names of all consumers, which then share one; returns their number.

        Raises:
            StackError: the gateway rejects a call.
            StoreError: the table cannot be used.
        """
        self._step_back(self._store.list_identifiers())
        gateway_keys = self._keys.list_keys()
        for gateway_key in gateway_keys:
            self._keys.delete(gateway_key)
        for one in self._store.list_identifiers():
            self._store.delete_identifier(one.consumer)
        return len(gateway_keys)

    def remove(self, consumer: str) -> bool:
        """Delete the name of one consumer; returns whether it had one.

        Raises:
            StackError: the gateway rejects a call.
            StoreError: the table cannot be used.
        """
        known = self._store.find_identifier(consumer)
        self._step_back([] if known is None else [known])
        gateway_key = self._keys.find(consumer)
        if gateway_key is not None:
            self._keys.delete(gateway_key)
        if known is not None:
            self._store.delete_identifier(consumer)
        return gateway_key is not None or known is not None

    def _outdated(self, consumers: Collection[str]) -> dict[str, str]:
        """The usage plan of each consumer without an accepted name in it, up to `MOST` names."""
        tiers = self._keys.tiers()
        known = {one.consumer: one for one in self._store.list_identifiers()}
        new = [name for name in consumers if name not in known][: max(0, MOST - len(known))]
        wanted = {
            name: tier_of(self._plans.plan_of(name), tiers).usage_plan
            for name in (*(known.keys() & set(consumers)), *new)
        }
        done = {one.consumer: one.usage_plan for one in known.values() if one.accepted}
        return {name: plan for name, plan in wanted.items() if done.get(name) != plan}

    def _step_back(self, identifiers: Sequence[Identifier]) -> None:
        """Set names to pending, and wait until no authorizer has them cached as accepted."""
        accepted = [one for one in identifiers if one.accepted]
        for one in accepted:
            self._store.put_identifier(replace(one, accepted=False))
        if accepted:
            self._sleep(CACHE_SECONDS + 1)

    def _accept(self, identifiers: Sequence[Identifier]) -> None:
        pending = [one for one in identifiers if not one.accepted]
        for _ in range(ROUNDS):
            passed = [one for one in pending if self._accepts(one.consumer)]
            for one in passed:
                self._store.put_identifier(replace(one, accepted=True))
            pending = [one for one in pending if one not in passed]
            if not pending:
                return
            self._sleep(ROUND_SECONDS)


def tier_of(plan: Plan | None, tiers: Sequence[Tier]) -> Tier:
    """The slowest tier that is not slower than the plan, else the fastest of the ordered `tiers`.

    Raises:
        StackError: there are no tiers.
    """
    if not tiers:
        raise StackError("This stack has no usage plans: it was deployed with GatewayKeys=off.")
    if plan is None or plan.rate is None:
        return tiers[-1]
    rate, depth = plan.rate, plan.depth
    fitting = (tier for tier in tiers if tier.rate >= rate and tier.burst >= depth)
    return next(fitting, tiers[-1])


def states(identifiers: IdentifierStore, consumers: Collection[str]) -> dict[str, str]:
    """The state of each consumer's name at the gateway: `own`, `pending` or `shared`."""
    known = {one.consumer: one.accepted for one in identifiers.list_identifiers()}
    words = {None: "shared", False: "pending", True: "own"}
    return {name: words[known.get(name)] for name in consumers}
