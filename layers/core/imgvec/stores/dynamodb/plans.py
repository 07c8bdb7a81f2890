"""Plans, consumers and the administrators' record in DynamoDB: one partition each."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from pydantic import TypeAdapter

from imgvec.accounts.consumers import Consumer
from imgvec.accounts.ports import Action
from imgvec.ids import base62
from imgvec.stores.dynamodb.part import Part
from imgvec.types import Plan, bounded

_PLANS: Final = "plans"
_CONSUMERS: Final = "consumers"
_ACTIONS: Final = "actions"
_PLAN: Final = TypeAdapter(Plan)
_CONSUMER: Final = TypeAdapter(Consumer)
_ACTION: Final = TypeAdapter(Action)


class DynamoPlans(Part):
    """A `PlanStore`."""

    def put_plan(self, plan: Plan) -> None:
        """Store a plan; one of the same name is replaced, for all who have it."""
        item = _PLAN.dump_python(plan, mode="json", exclude_none=True)
        self._table.put(_PLANS, plan.name, item)

    def list_plans(self) -> Sequence[Plan]:
        """All plans, by name."""
        return [bounded(_PLAN.validate_python(item)) for item in self._table.query(_PLANS)]

    def add_consumer(self, name: str) -> None:
        """Make a consumer without a plan known, unless it is."""
        self._table.add(_CONSUMERS, name, {"name": name})

    def assign_plan(self, consumer: str, plan: str) -> None:
        """Give a consumer, known or new, a plan that exists."""
        self._table.put(_CONSUMERS, consumer, {"name": consumer, "plan": plan})

    def list_consumers(self) -> Sequence[Consumer]:
        """All consumers, by name."""
        return [_CONSUMER.validate_python(item) for item in self._table.query(_CONSUMERS)]

    def plan_of(self, consumer: str) -> Plan | None:
        """The consumer's plan; None where it has none."""
        found = self._table.get(_CONSUMERS, consumer, consistent=False)
        if found is None or "plan" not in found:
            return None
        item = self._table.get(_PLANS, str(found["plan"]), consistent=False)
        return bounded(_PLAN.validate_python(item)) if item else None

    def add_action(self, action: Action) -> None:
        """Keep what was done."""
        self._table.put(_ACTIONS, f"{action.when:017.6f} {base62(6)}", asdict(action))

    def list_actions(self) -> Sequence[Action]:
        """All that was done, oldest first."""
        return [_ACTION.validate_python(item) for item in self._table.query(_ACTIONS)]
