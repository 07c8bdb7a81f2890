"""API keys, plans, consumers, the administrators' record and idempotency records in DynamoDB.

Keys, plans, consumers and the administrators' record are one partition each. An idempotency record
is written only for a request with an `Idempotency-Key`.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from pydantic import TypeAdapter

from imgvec.accounts.ports import Action, IdempotencyRecord, KeyRecord
from imgvec.errors import StoreError
from imgvec.ids import base62
from imgvec.stores.dynamodb.notation import Item
from imgvec.stores.dynamodb.table import ALWAYS, Part
from imgvec.types import Consumer, Plan, bounded

KEYS: Final = "keys"
_RECORD: Final = TypeAdapter(KeyRecord)


class DynamoKeys(Part):
    """A `KeyStore`. Look-ups may be a moment old; the gate remembers them for longer than that."""

    def add_key(self, record: KeyRecord) -> None:
        item = _RECORD.dump_python(record, mode="json", exclude_none=True)
        if not self._table.add(KEYS, record.digest, item).done:
            raise StoreError("There is a key of this digest.")

    def find_key(self, digest: str) -> KeyRecord | None:
        item = self._table.get(KEYS, digest, consistent=False)
        return _RECORD.validate_python(item) if item else None

    def list_keys(self) -> Sequence[KeyRecord]:
        records = [_RECORD.validate_python(item) for item in self._table.query(KEYS)]
        return sorted(records, key=lambda record: (record.created, record.key_id))

    def revoke_key(self, key_id: str, when: float) -> bool:
        return self._change(key_id, "SET #revoked = :when", when)

    def disable_key(self, key_id: str, when: float | None) -> bool:
        if when is None:
            return self._change(key_id, "REMOVE #disabled", None)
        return self._change(key_id, "SET #disabled = :when", when)

    def expire_key(self, key_id: str, when: float | None) -> bool:
        if when is None:
            return self._change(key_id, "REMOVE #expires", None)
        return self._change(key_id, "SET #expires = :when", when)

    def touch_key(self, digest: str, when: float, since: float) -> None:
        self._table.update(
            (KEYS, digest),
            "SET #used = :when",
            "attribute_exists(#pk) AND (attribute_not_exists(#used) OR #used <= :since)",
            {"when": when, "since": since},
        )

    def _change(self, key_id: str, change: str, when: float | None) -> bool:
        values = {} if when is None else {"when": when}
        return any(
            self._table.update(
                (KEYS, record.digest), change, "attribute_not_exists(#revoked)", values
            ).done
            for record in self.list_keys()
            if record.key_id == key_id
        )


_PLANS: Final = "plans"
CONSUMERS: Final = "consumers"
_ACTIONS: Final = "actions"
_PLAN: Final = TypeAdapter(Plan)
_CONSUMER: Final = TypeAdapter(Consumer)
_ACTION: Final = TypeAdapter(Action)


class DynamoPlans(Part):
    """A `PlanStore`."""

    def put_plan(self, plan: Plan) -> None:
        item = _PLAN.dump_python(plan, mode="json", exclude_none=True)
        self._table.put(_PLANS, plan.name, item)

    def list_plans(self) -> Sequence[Plan]:
        return [bounded(_PLAN.validate_python(item)) for item in self._table.query(_PLANS)]

    def add_consumer(self, name: str) -> None:
        self._table.add(CONSUMERS, name, {"name": name})

    def assign_plan(self, consumer: str, plan: str) -> None:
        change, values = "SET #name = :name, #plan = :plan", {"name": consumer, "plan": plan}
        self._table.update((CONSUMERS, consumer), change, ALWAYS, values)

    def list_consumers(self) -> Sequence[Consumer]:
        return [_CONSUMER.validate_python(item) for item in self._table.query(CONSUMERS)]

    def find_consumer(self, name: str) -> Consumer | None:
        found = self._table.get(CONSUMERS, name, consistent=True)
        return None if found is None else _CONSUMER.validate_python(found)

    def plan_of(self, consumer: str) -> Plan | None:
        found = self._table.get(CONSUMERS, consumer, consistent=False)
        if found is None or "plan" not in found:
            return None
        item = self._table.get(_PLANS, str(found["plan"]), consistent=False)
        return bounded(_PLAN.validate_python(item)) if item else None

    def add_action(self, action: Action) -> None:
        self._table.put(_ACTIONS, f"{action.when:017.6f} {base62(6)}", asdict(action))

    def list_actions(self) -> Sequence[Action]:
        return [_ACTION.validate_python(item) for item in self._table.query(_ACTIONS)]


_IDEMPOTENCY: Final = TypeAdapter(IdempotencyRecord)
_SAME: Final = "#hold_id = :old_hold_id AND #settled = :old_settled"
ONE_DAY: Final = 24 * 3600


class DynamoRecords(Part):
    """An `IdempotencyStore`. A write that was sent twice has succeeded if its record is there."""

    def find_record(self, consumer: str, name: str) -> IdempotencyRecord | None:
        item = self._table.get(claims_of(consumer), name)
        return record_in(item) if item else None

    def add_record(self, record: IdempotencyRecord, now: float) -> bool:
        # Time to live removes expired records.
        written = self._table.add(
            claims_of(record.reservation.consumer), record.name, _item(record)
        )
        return written.done or _is(written.item, record)

    def replace_record(self, old: IdempotencyRecord, new: IdempotencyRecord) -> bool:
        written = self._table.update(
            (claims_of(old.reservation.consumer), old.name),
            "SET #hold_id = :hold_id, #settled = :settled, #document = :document, #ttl = :ttl",
            _SAME,
            {**_item(new), **_identity(old)},
        )
        return written.done or _is(written.item, new)

    def delete_record(self, old: IdempotencyRecord) -> bool:
        written = self._table.delete(
            claims_of(old.reservation.consumer), old.name, _SAME, _identity(old)
        )
        return written.done or (written.resent and written.item is None)


def claims_of(consumer: str) -> str:
    """The partition of a consumer's idempotency records."""
    return f"claims {consumer}"


def record_in(item: Item) -> IdempotencyRecord:
    """The idempotency record of an item."""
    return _IDEMPOTENCY.validate_json(str(item["document"]))


def _identity(record: IdempotencyRecord) -> Item:
    return {"old_hold_id": record.reservation.id, "old_settled": record.settled}


def _item(record: IdempotencyRecord) -> Item:
    return {
        "hold_id": record.reservation.id,
        "settled": record.settled,
        "document": _IDEMPOTENCY.dump_json(record).decode(),
        "ttl": int(record.kept) + ONE_DAY,
    }


def _is(item: Item | None, record: IdempotencyRecord) -> bool:
    """Whether what is there is this very record, written by a request that was sent twice."""
    return item is not None and item["document"] == _item(record)["document"]
