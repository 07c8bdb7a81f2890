"""API keys, plans, consumers, the administrators' record and idempotency records in SQLite."""

from collections.abc import Sequence
from dataclasses import astuple
from typing import Final

from pydantic import TypeAdapter

from imgvec.accounts.ports import Action, IdempotencyRecord, KeyRecord
from imgvec.stores.sqlite.database import Part
from imgvec.types import Consumer, Plan, bounded


class SqliteKeys(Part):
    """A `KeyStore`."""

    def add_key(self, record: KeyRecord) -> None:
        with self._database.connection() as connection:
            connection.execute(
                "INSERT INTO keys"
                " (key_id, consumer, digest, created, revoked, expires, disabled, used)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                astuple(record),
            )

    def find_key(self, digest: str) -> KeyRecord | None:
        with self._database.connection() as connection:
            row = connection.execute(
                "SELECT key_id, consumer, digest, created, revoked, expires, disabled, used"
                " FROM keys WHERE digest = ?",
                (digest,),
            ).fetchone()
        return KeyRecord(*row) if row else None

    def list_keys(self) -> Sequence[KeyRecord]:
        with self._database.connection() as connection:
            rows = connection.execute(
                "SELECT key_id, consumer, digest, created, revoked, expires, disabled, used"
                " FROM keys ORDER BY created, rowid"
            ).fetchall()
        return [KeyRecord(*row) for row in rows]

    def revoke_key(self, key_id: str, when: float) -> bool:
        return self._change(
            "UPDATE keys SET revoked = ? WHERE key_id = ? AND revoked IS NULL", when, key_id
        )

    def disable_key(self, key_id: str, when: float | None) -> bool:
        return self._change(
            "UPDATE keys SET disabled = ? WHERE key_id = ? AND revoked IS NULL", when, key_id
        )

    def expire_key(self, key_id: str, when: float | None) -> bool:
        return self._change(
            "UPDATE keys SET expires = ? WHERE key_id = ? AND revoked IS NULL", when, key_id
        )

    def touch_key(self, digest: str, when: float, since: float) -> None:
        with self._database.connection(synchronous="NORMAL") as connection:
            connection.execute(
                "UPDATE keys SET used = ? WHERE digest = ? AND coalesce(used, 0) <= ?",
                (when, digest, since),
            )

    def _change(self, update: str, when: float | None, key_id: str) -> bool:
        with self._database.connection() as connection:
            return connection.execute(update, (when, key_id)).rowcount == 1


_PLAN: Final = TypeAdapter(Plan)


class SqlitePlans(Part):
    """A `PlanStore`."""

    def put_plan(self, plan: Plan) -> None:
        with self._database.connection() as connection:
            connection.execute(
                "INSERT INTO plans (name, document) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET document = excluded.document",
                (plan.name, _PLAN.dump_json(plan)),
            )

    def list_plans(self) -> Sequence[Plan]:
        with self._database.connection() as connection:
            rows = connection.execute("SELECT document FROM plans ORDER BY name").fetchall()
        return [bounded(_PLAN.validate_json(document)) for (document,) in rows]

    def add_consumer(self, name: str) -> None:
        with self._database.connection() as connection:
            connection.execute(
                "INSERT INTO consumers (name) VALUES (?) ON CONFLICT DO NOTHING", (name,)
            )

    def assign_plan(self, consumer: str, plan: str) -> None:
        with self._database.connection() as connection:
            connection.execute(
                "INSERT INTO consumers (name, plan) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET plan = excluded.plan",
                (consumer, plan),
            )

    def list_consumers(self) -> Sequence[Consumer]:
        with self._database.connection() as connection:
            rows = connection.execute(
                "SELECT name, plan, leaving FROM consumers ORDER BY name"
            ).fetchall()
        return [Consumer(*row) for row in rows]

    def find_consumer(self, name: str) -> Consumer | None:
        with self._database.connection() as connection:
            row = connection.execute(
                "SELECT name, plan, leaving FROM consumers WHERE name = ?", (name,)
            ).fetchone()
        return Consumer(*row) if row else None

    def plan_of(self, consumer: str) -> Plan | None:
        with self._database.connection() as connection:
            row = connection.execute(
                "SELECT document FROM plans JOIN consumers ON consumers.plan = plans.name"
                " WHERE consumers.name = ?",
                (consumer,),
            ).fetchone()
        return bounded(_PLAN.validate_json(row[0])) if row else None

    def add_action(self, action: Action) -> None:
        with self._database.connection() as connection:
            connection.execute(
                "INSERT INTO actions (moment, who, what, about) VALUES (?, ?, ?, ?)",
                astuple(action),
            )

    def list_actions(self) -> Sequence[Action]:
        with self._database.connection() as connection:
            rows = connection.execute(
                "SELECT moment, who, what, about FROM actions ORDER BY moment, rowid"
            ).fetchall()
        return [Action(*row) for row in rows]


_IDEMPOTENCY: Final = TypeAdapter(IdempotencyRecord)


class SqliteRecords(Part):
    """An `IdempotencyStore`."""

    def find_record(self, consumer: str, name: str) -> IdempotencyRecord | None:
        with self._database.connection() as connection:
            row = connection.execute(
                "SELECT document FROM idempotency WHERE consumer = ? AND name = ?", (consumer, name)
            ).fetchone()
        return _IDEMPOTENCY.validate_json(row[0]) if row else None

    def add_record(self, record: IdempotencyRecord, now: float) -> bool:
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM idempotency WHERE kept <= ?", (now,))
            cursor = connection.execute(
                "INSERT INTO idempotency (consumer, name, reservation, settled, kept, document)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (*_identity(record), record.kept, _IDEMPOTENCY.dump_json(record)),
            )
        return cursor.rowcount == 1

    def replace_record(self, old: IdempotencyRecord, new: IdempotencyRecord) -> bool:
        with self._database.connection(synchronous="NORMAL") as connection:
            cursor = connection.execute(
                "UPDATE idempotency SET reservation = ?, settled = ?, kept = ?, document = ?"
                " WHERE consumer = ? AND name = ? AND reservation = ? AND settled = ?",
                (
                    *(new.reservation.id, new.settled, new.kept, _IDEMPOTENCY.dump_json(new)),
                    *_identity(old),
                ),
            )
        return cursor.rowcount == 1

    def delete_record(self, old: IdempotencyRecord) -> bool:
        with self._database.connection(synchronous="NORMAL") as connection:
            cursor = connection.execute(
                "DELETE FROM idempotency"
                " WHERE consumer = ? AND name = ? AND reservation = ? AND settled = ?",
                _identity(old),
            )
        return cursor.rowcount == 1


def _identity(record: IdempotencyRecord) -> tuple[str, str, str, bool]:
    return (record.reservation.consumer, record.name, record.reservation.id, record.settled)
