"""Keys, plans and who has which: an operator's work, never a request's. All of it is on record."""

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from imgvec.accounts.keys import digest, mint
from imgvec.accounts.ports import AccountStore, Action, KeyRecord
from imgvec.errors import ConsumerError
from imgvec.ids import base62
from imgvec.types import Plan, bounded
from imgvec.undo import undone

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def check_name(name: str, what: str) -> None:
    """Check the name of a consumer or a plan; `what` names the kind in the error.

    Raises:
        ConsumerError: it is not 1 to 64 characters of `A-Za-z0-9._-`.
    """
    if not _NAME.fullmatch(name):
        raise ConsumerError(
            f"A {what}'s name is 1 to 64 letters, digits, dots, hyphens and underscores."
        )


NO_KEY: Final = "There is no such key, or it was revoked before: `imgvec keys list` shows all."
log = logging.getLogger("imgvec.admin")


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A new key, to be shown once, and its stored record."""

    key: str = field(repr=False)
    record: KeyRecord


def new_key(consumer: str, created: float, expires: float | None = None) -> CreatedKey:
    """A key that is not stored yet."""
    key = mint()
    record = KeyRecord("k_" + base62(10), consumer, digest(key), created=created, expires=expires)
    return CreatedKey(key, record)


class Registry:
    """The actions of an operator; each is stored and logged, without the key itself."""

    def __init__(
        self, store: AccountStore, who: str, clock: Callable[[], float] = time.time
    ) -> None:
        """`who` is the operator's name in the audit log."""
        self._store = store
        self._who = who
        self._clock = clock

    def create_key(
        self, consumer: str, plan: str | None = None, expires: float | None = None
    ) -> CreatedKey:
        """Make a key for a consumer; a consumer that has keys gets one more.

        Raises:
            ConsumerError: the consumer's name may not be one, or the consumer is being deleted, or
                there is no such plan.
        """
        self._check_consumer(consumer)
        if plan is not None:
            self._check_plan(plan)
        self._store.add_consumer(consumer)
        created = new_key(consumer, self._clock(), expires)
        with self._added(created.record):
            # After the key is stored: if that fails, the plan of the consumer's other keys stays.
            if plan is not None:
                self.assign_plan(consumer, plan)
            self.note("keys create", f"{created.record.key_id} of {consumer}")
        return created

    def rotate_key(self, key_id: str, overlap: float) -> CreatedKey:
        """Replace a key by a new one; the old one works for `overlap` more seconds at most.

        The new key has the expiry of the old one, and is disabled if the old one is.

        Raises:
            ConsumerError: there is no such key, or it was revoked or has expired.
        """
        old = next((one for one in self._store.list_keys() if one.key_id == key_id), None)
        now = self._clock()
        if old is None:
            raise ConsumerError(NO_KEY)
        if old.revoked is not None or (old.expires is not None and old.expires <= now):
            state = "has expired" if old.revoked is None else "was revoked"
            raise ConsumerError(
                f"Key {key_id} {state}, so there is nothing to rotate: "
                f"`imgvec keys create {old.consumer}` makes a new key."
            )
        key = mint()
        # All other fields are copied, so that no restriction is lost, also one added later.
        new = replace(old, key_id="k_" + base62(10), digest=digest(key), created=now, used=None)
        end = now + overlap
        with (
            self._added(new),
            undone(lambda: self._store.expire_key(key_id, old.expires)),
        ):
            self._store.expire_key(key_id, min(end, old.expires or end))
            self.note("keys rotate", f"{key_id} to {new.key_id}")
        return CreatedKey(key, new)

    def revoke_key(self, key_id: str) -> None:
        """Revoke a key for good.

        Raises:
            ConsumerError: there is no such key, or it was revoked before.
        """
        self._done(self._store.revoke_key(key_id, self._clock()), "keys revoke", key_id)

    def disable_key(self, key_id: str) -> None:
        """Disable a key until it is enabled.

        Raises:
            ConsumerError: there is no such key, or it was revoked.
        """
        self._done(self._store.disable_key(key_id, self._clock()), "keys disable", key_id)

    def enable_key(self, key_id: str) -> None:
        """Enable a disabled key.

        Raises:
            ConsumerError: there is no such key, or it was revoked.
        """
        self._done(self._store.disable_key(key_id, None), "keys enable", key_id)

    def put_plan(self, plan: Plan) -> None:
        """Create a plan, or replace the one of this name for all its consumers.

        Raises:
            ConsumerError: its name may not be one, or a number is out of bounds.
        """
        check_name(plan.name, "plan")
        if bounded(plan) != plan:
            raise ConsumerError(f"A number of the plan {plan.name} is out of bounds.")
        self._store.put_plan(plan)
        self.note("plans create", plan.name)

    def assign_plan(self, consumer: str, plan: str) -> None:
        """Assign a plan to a consumer, in place of its former one.

        Raises:
            ConsumerError: the consumer's name may not be one, or the consumer is being deleted, or
                there is no such plan.
        """
        self._check_consumer(consumer)
        self._check_plan(plan)
        self._store.assign_plan(consumer, plan)
        self.note("plans assign", f"{plan} to {consumer}")

    def _check_consumer(self, consumer: str) -> None:
        check_name(consumer, "consumer")
        if any(one.leaving and one.name == consumer for one in self._store.list_consumers()):
            raise ConsumerError(
                f"Consumer {consumer} is being deleted: `imgvec consumers delete {consumer}` ends "
                "that, and then the name is free."
            )

    def _check_plan(self, plan: str) -> None:
        if plan not in {one.name for one in self._store.list_plans()}:
            raise ConsumerError(f"There is no plan {plan!a}: `imgvec plans create` makes one.")

    @contextmanager
    def _added(self, record: KeyRecord) -> Iterator[None]:
        """Store a new key, and revoke it if the block fails, because it will not be shown."""
        with undone(lambda: self._store.revoke_key(record.key_id, self._clock())):
            self._store.add_key(record)
            yield

    def _done(self, changed: bool, what: str, key_id: str) -> None:
        if not changed:
            raise ConsumerError(NO_KEY)
        self.note(what, key_id)

    def note(self, what: str, about: str) -> None:
        """Put an action of the operator on record."""
        action = Action(self._clock(), self._who, what, about)
        log.info("%s by %s: %s", action.what, action.who, action.about)
        self._store.add_action(action)
