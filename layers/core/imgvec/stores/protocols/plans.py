"""Plans, who has which, and what administrators did."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from imgvec.consumers.consumer import Consumer
from imgvec.consumers.plan import Plan


@dataclass(frozen=True, slots=True)
class Action:
    """What an administrator did: a line of the record that is only ever added to."""

    when: float
    who: str
    what: str
    about: str
    """The consumer, plan or key id; never a key."""


class PlanStore(Protocol):
    """Plans and consumers."""

    def put_plan(self, plan: Plan) -> None:
        """Store a plan; one of the same name is replaced, for all who have it."""

    def list_plans(self) -> Sequence[Plan]:
        """All plans, by name."""

    def add_consumer(self, name: str) -> None:
        """Make a consumer without a plan known, unless it is."""

    def assign_plan(self, consumer: str, plan: str) -> None:
        """Give a consumer, known or new, a plan that exists."""

    def list_consumers(self) -> Sequence[Consumer]:
        """All consumers, by name."""

    def plan_of(self, consumer: str) -> Plan | None:
        """The consumer's plan; None where it has none."""

    def add_action(self, action: Action) -> None:
        """Keep what was done."""

    def list_actions(self) -> Sequence[Action]:
        """All that was done, oldest first."""
