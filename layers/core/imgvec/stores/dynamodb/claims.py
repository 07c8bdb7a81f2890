"""Claims in DynamoDB, written only where an `Idempotency-Key` was sent."""

from typing import Final

from pydantic import TypeAdapter

from imgvec.accounts.ports import Claim
from imgvec.stores.dynamodb.items import Item
from imgvec.stores.dynamodb.part import Part

_CLAIM: Final = TypeAdapter(Claim)
_SAME: Final = "#hold_id = :old_hold_id AND #settled = :old_settled"
ONE_DAY: Final = 24 * 3600


class DynamoClaims(Part):
    """A `ClaimStore`. A write that was sent twice has succeeded if its claim is there."""

    def find_claim(self, consumer: str, name: str) -> Claim | None:
        """The claim as it is now."""
        item = self._table.get(_partition(consumer), name)
        return _CLAIM.validate_json(str(item["document"])) if item else None

    def add_claim(self, claim: Claim, now: float) -> bool:
        """Store a claim; False if there is one of the same name. Time to live forgets old ones."""
        written = self._table.add(_partition(claim.hold.consumer), claim.name, _item(claim))
        return written.done or _is(written.item, claim)

    def replace_claim(self, old: Claim, new: Claim) -> bool:
        """Put `new` in the place of `old`; False if `old` is not there any more."""
        written = self._table.update(
            (_partition(old.hold.consumer), old.name),
            "SET #hold_id = :hold_id, #settled = :settled, #document = :document, #ttl = :ttl",
            _SAME,
            {**_item(new), **_identity(old)},
        )
        return written.done or _is(written.item, new)

    def delete_claim(self, old: Claim) -> bool:
        """Remove `old`; False if it is not there any more."""
        written = self._table.delete(_partition(old.hold.consumer), old.name, _SAME, _identity(old))
        return written.done or (written.resent and written.item is None)


def _partition(consumer: str) -> str:
    return f"claims {consumer}"


def _identity(claim: Claim) -> Item:
    return {"old_hold_id": claim.hold.hold_id, "old_settled": claim.settled}


def _item(claim: Claim) -> Item:
    return {
        "hold_id": claim.hold.hold_id,
        "settled": claim.settled,
        "document": _CLAIM.dump_json(claim).decode(),
        "ttl": int(claim.kept) + ONE_DAY,
    }


def _is(item: Item | None, claim: Claim) -> bool:
    """Whether what is there is this very claim, written by a request that was sent twice."""
    return item is not None and item["document"] == _item(claim)["document"]
