"""`Idempotency-Key`: a request that is sent again is answered again and counted once.

A settled idempotency record (`Claim`) keeps the SHA-256 of the content and the encoder's revision,
not the vector: a replay computes it again. Other content or another revision is counted anew.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from imgvec.accounts.charge import Charge, Turn, short_name
from imgvec.accounts.ports import AccountStore, Claim, Hold
from imgvec.errors import BadParameter
from imgvec.types import Principal, RequestContext
from imgvec.undo import undone

_KEY: Final = re.compile(r'"?([A-Za-z0-9._:~+/=-]{1,128})"?')
MALFORMED: Final = "Idempotency-Key must be 1 to 128 letters, digits and characters of ._:~+/=-"
OTHER_REQUEST: Final = "This Idempotency-Key was sent with another request before"


class Claims:
    """Idempotency records of requests. Calls block and are thread-safe."""

    def __init__(self, store: AccountStore, window: float, clock: Callable[[], float]) -> None:
        """`window` is the life of a record in seconds."""
        self._store = store
        self._window = window
        self._clock = clock

    def check(self, principal: Principal, context: RequestContext) -> bool:
        """Whether this request was sent before.

        Raises:
            BadParameter: it is malformed, or was sent with another request before.
        """
        name = claim_name(context)
        found = None if name is None else self._store.find_claim(principal.consumer, name)
        if found is not None:
            self._compare(found, context)
        return found is not None

    def begin(self, charge: Charge, hold: Hold) -> Turn | None:
        """Create a record, or find that this is a replay; None while the request is in flight.

        Raises:
            BadParameter: the key was sent with another request before.
        """
        mine = Claim(
            name=hold.claim or "",
            asked=charge.context.fingerprint,
            content=charge.content_digest,
            revision=charge.revision,
            hold=hold,
            label=charge.label,
            kept=self._clock() + self._window,
        )
        found = self._store.find_claim(hold.consumer, mine.name)
        if found is None:
            return self._add(mine)
        self._compare(found, charge.context)
        live = found.kept > self._clock()
        if found.settled and live and _alike(found, mine):
            return Turn(found, replay=True)
        if not found.settled and found.hold.expires > self._clock():
            return None
        turn = Turn(mine, previous=found if found.settled and live else None)
        with undone(partial(self.undo, turn)):
            if not self._store.replace_claim(found, mine):
                return None
            if not found.settled:
                # Its process has crashed, or will fail to settle because the record is replaced.
                self._store.release(found.hold)
        return turn

    def _add(self, mine: Claim) -> Turn | None:
        turn = Turn(mine)
        with undone(partial(self.undo, turn)):
            return turn if self._store.add_claim(mine, self._clock()) else None

    def settle(self, turn: Turn, hold: Hold) -> bool:
        """Mark the record as counted; False if another request has replaced it."""
        kept = self._clock() + self._window
        settled = replace(turn.claim, hold=hold, settled=True, kept=kept)
        return self._store.replace_claim(turn.claim, settled)

    def undo(self, turn: Turn) -> None:
        """Restore the state before the request; a record of another request stays."""
        if turn.previous is None:
            self._store.delete_claim(turn.claim)
        else:
            self._store.replace_claim(turn.claim, turn.previous)

    def _compare(self, found: Claim, context: RequestContext) -> None:
        if found.asked != context.fingerprint and found.kept > self._clock():
            raise BadParameter(OTHER_REQUEST)


def claim_name(context: RequestContext) -> str | None:
    """The name of the record of the client's key; None if it sent none.

    Raises:
        BadParameter: the key is malformed.
    """
    if context.idempotency_key is None:
        return None
    key = _KEY.fullmatch(context.idempotency_key.strip())
    if key is None:
        raise BadParameter(MALFORMED)
    return short_name(key[1])


def _alike(found: Claim, mine: Claim) -> bool:
    return (found.content, found.revision) == (mine.content, mine.revision)
