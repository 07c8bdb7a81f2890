"""Plans, consumers and the administrators' record in SQLite."""

from collections.abc import Sequence
from dataclasses import astuple
from typing import Final

from pydantic import TypeAdapter

from imgvec.accounts.consumers import Consumer
from imgvec.accounts.ports import Action
from imgvec.stores.sqlite.part import Part
from imgvec.types import Plan, bounded

_PLAN: Final = TypeAdapter(Plan)


class SqlitePlans(Part):
    """A `PlanStore`."""

    def put_plan(self, plan: Plan) -> None:
        """Store a plan; one of the same name is replaced, for all who have it."""
        with self._database.connection() as connection:
            connection.execute(
                "INSERT INTO plans (name, document) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET document = excluded.document",
                (plan.name, _PLAN.dump_json(plan)),
            )

    def list_plans(self) -> Sequence[Plan]:
        """All plans, by name."""
        with self._database.connection() as connection:
            rows = connection.execute("SELECT document FROM plans ORDER BY name").fetchall()
        return [bounded(_PLAN.validate_json(document)) for (document,) in rows]

    def add_consumer(self, name: str) -> None:
        """Make a consumer without a plan known, unless it is."""
        with self._database.connection() as connection:
            connection.execute(
                "INSERT INTO consumers (name) VALUES (?) ON CONFLICT DO NOTHING", (name,)
            )

    def assign_plan(self, consumer: str, plan: str) -> None:
        """Give a consumer, known or new, a plan that exists."""
        with self._database.connection() as connection:
            connection.execute(
                "INSERT INTO consumers (name, plan) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET plan = excluded.plan",
                (consumer, plan),
            )

    def list_consumers(self) -> Sequence[Consumer]:
        """All consumers, by name."""
        with self._database.connection() as connection:
            rows = connection.execute("SELECT name, plan FROM consumers ORDER BY name").fetchall()
        return [Consumer(*row) for row in rows]

    def plan_of(self, consumer: str) -> Plan | None:
        """The consumer's plan; None where it has none."""
        with self._database.connection() as connection:
            row = connection.execute(
                "SELECT document FROM plans JOIN consumers ON consumers.plan = plans.name"
                " WHERE consumers.name = ?",
                (consumer,),
            ).fetchone()
        return bounded(_PLAN.validate_json(row[0])) if row else None

    def add_action(self, action: Action) -> None:
        """Keep what was done."""
        with self._database.connection() as connection:
            connection.execute(
                "INSERT INTO actions (moment, who, what, about) VALUES (?, ?, ?, ?)",
                astuple(action),
            )

    def list_actions(self) -> Sequence[Action]:
        """All that was done, oldest first."""
        with self._database.connection() as connection:
            rows = connection.execute(
                "SELECT moment, who, what, about FROM actions ORDER BY moment, rowid"
            ).fetchall()
        return [Action(*row) for row in rows]
