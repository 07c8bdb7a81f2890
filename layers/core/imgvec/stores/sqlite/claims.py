"""Claims in SQLite."""

from typing import Final

from pydantic import TypeAdapter

from imgvec.accounts.ports import Claim
from imgvec.stores.sqlite.part import Part

_CLAIM: Final = TypeAdapter(Claim)


class SqliteClaims(Part):
    """A `ClaimStore`."""

    def find_claim(self, consumer: str, name: str) -> Claim | None:
        """The claim as it is now."""
        with self._database.connection() as connection:
            row = connection.execute(
                "SELECT document FROM claims WHERE consumer = ? AND name = ?", (consumer, name)
            ).fetchone()
        return _CLAIM.validate_json(row[0]) if row else None

    def add_claim(self, claim: Claim, now: float) -> bool:
        """Store a claim; False if there is one of the same name. Forgets those kept no longer."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM claims WHERE kept <= ?", (now,))
            cursor = connection.execute(
                "INSERT INTO claims (consumer, name, hold_id, settled, kept, document)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (*_identity(claim), claim.kept, _CLAIM.dump_json(claim)),
            )
        return cursor.rowcount == 1

    def replace_claim(self, old: Claim, new: Claim) -> bool:
        """Put `new` in the place of `old`; False if `old` is not there any more."""
        with self._database.connection(synchronous="NORMAL") as connection:
            cursor = connection.execute(
                "UPDATE claims SET hold_id = ?, settled = ?, kept = ?, document = ?"
                " WHERE consumer = ? AND name = ? AND hold_id = ? AND settled = ?",
                (
                    *(new.hold.hold_id, new.settled, new.kept, _CLAIM.dump_json(new)),
                    *_identity(old),
                ),
            )
        return cursor.rowcount == 1

    def delete_claim(self, old: Claim) -> bool:
        """Remove `old`; False if it is not there any more."""
        with self._database.connection(synchronous="NORMAL") as connection:
            cursor = connection.execute(
                "DELETE FROM claims"
                " WHERE consumer = ? AND name = ? AND hold_id = ? AND settled = ?",
                _identity(old),
            )
        return cursor.rowcount == 1


def _identity(claim: Claim) -> tuple[str, str, str, bool]:
    return (claim.hold.consumer, claim.name, claim.hold.hold_id, claim.settled)
