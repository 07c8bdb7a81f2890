"""Keys, plans and who has which: what an operator does, never a request. All of it is on record."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from imgvec.consumers.consumer import check_name
from imgvec.consumers.keys import digest, mint
from imgvec.consumers.plan import Plan
from imgvec.errors import ConsumerError
from imgvec.ids import base62
from imgvec.stores.protocols import Action, KeyRecord, Store

NO_KEY: Final = "There is no such key, or it was revoked before."
log = logging.getLogger("imgvec.admin")


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A new key, to be shown once, beside what is stored of it."""

    key: str = field(repr=False)
    record: KeyRecord


def new_key(consumer: str, created: float, expires: float | None = None) -> CreatedKey:
    """A key that nothing knows yet."""
    key = mint()
    record = KeyRecord("k_" + base62(10), consumer, digest(key), created=created, expires=expires)
    return CreatedKey(key, record)


class Registry:
    """What `who` may do; every action is kept in the store and logged, without any key."""

    def __init__(self, store: Store, who: str, clock: Callable[[], float] = time.time) -> None:
        """Act in the name of `who`."""
        self._store = store
        self._who = who
        self._clock = clock

    def create_key(
        self, consumer: str, plan: str | None = None, expires: float | None = None
    ) -> CreatedKey:
        """Make a key for a consumer; a consumer that has keys gets one more.

        Raises:
            ConsumerError: the consumer's name may not be one, or there is no such plan.
        """
        check_name(consumer, "consumer")
        if plan is not None:
            self.assign_plan(consumer, plan)
        self._store.add_consumer(consumer)
        created = new_key(consumer, self._clock(), expires)
        self._store.add_key(created.record)
        self._note("keys create", f"{created.record.key_id} of {consumer}")
        return created

    def rotate_key(self, key_id: str, overlap: float) -> CreatedKey:
        """Make a key in the place of another, which works for `overlap` more seconds at most.

        Raises:
            ConsumerError: there is no such key, or it was revoked.
        """
        found = [record for record in self._store.list_keys() if record.key_id == key_id]
        if not found or found[0].revoked is not None:
            raise ConsumerError(NO_KEY)
        created = self.create_key(found[0].consumer)
        end = self._clock() + overlap
        self._store.expire_key(key_id, min(end, found[0].expires or end))
        self._note("keys rotate", f"{key_id} to {created.record.key_id}")
        return created

    def revoke_key(self, key_id: str) -> None:
        """Revoke a key for good.

        Raises:
            ConsumerError: there is no such key, or it was revoked before.
        """
        self._done(self._store.revoke_key(key_id, self._clock()), "keys revoke", key_id)

    def disable_key(self, key_id: str) -> None:
        """Switch a key off until it is enabled.

        Raises:
            ConsumerError: there is no such key, or it was revoked.
        """
        self._done(self._store.disable_key(key_id, self._clock()), "keys disable", key_id)

    def enable_key(self, key_id: str) -> None:
        """Switch a key on again.

        Raises:
            ConsumerError: there is no such key, or it was revoked.
        """
        self._done(self._store.disable_key(key_id, None), "keys enable", key_id)

    def put_plan(self, plan: Plan) -> None:
        """Make a plan, or change the one of this name for all who have it.

        Raises:
            ConsumerError: its name may not be one.
        """
        check_name(plan.name, "plan")
        self._store.put_plan(plan)
        self._note("plans create", plan.name)

    def assign_plan(self, consumer: str, plan: str) -> None:
        """Give a consumer a plan, in the place of the one it has.

        Raises:
            ConsumerError: the consumer's name may not be one, or there is no such plan.
        """
        check_name(consumer, "consumer")
        if plan not in {one.name for one in self._store.list_plans()}:
            raise ConsumerError(f"There is no plan {plan!a}: `imgvec plans create` makes one.")
        self._store.assign_plan(consumer, plan)
        self._note("plans assign", f"{plan} to {consumer}")

    def _done(self, changed: bool, what: str, key_id: str) -> None:
        if not changed:
            raise ConsumerError(NO_KEY)
        self._note(what, key_id)

    def _note(self, what: str, about: str) -> None:
        action = Action(self._clock(), self._who, what, about)
        self._store.add_action(action)
        log.info("%s by %s: %s", action.what, action.who, action.about)
