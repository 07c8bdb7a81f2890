"""Names that the gateway throttles consumers by, in DynamoDB: one partition, by consumer."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from pydantic import TypeAdapter

from imgvec.accounts.gateway_names import Identifier
from imgvec.stores.dynamodb.part import Part

_IDENTIFIERS: Final = "identifiers"
_IDENTIFIER: Final = TypeAdapter(Identifier)


class DynamoIdentifiers(Part):
    """An `IdentifierStore`. Look-ups are consistent, or a probe could pass under a shared name."""

    def find_identifier(self, consumer: str) -> Identifier | None:
        """The consumer's own, pending or accepted."""
        item = self._table.get(_IDENTIFIERS, consumer)
        return _IDENTIFIER.validate_python(item) if item else None

    def put_identifier(self, identifier: Identifier) -> None:
        """Store one, in the place of the consumer's."""
        self._table.put(_IDENTIFIERS, identifier.consumer, asdict(identifier))

    def list_identifiers(self) -> Sequence[Identifier]:
        """All, by consumer."""
        return [_IDENTIFIER.validate_python(item) for item in self._table.query(_IDENTIFIERS)]

    def delete_identifier(self, consumer: str) -> None:
        """Forget one; absent is fine."""
        self._table.delete(_IDENTIFIERS, consumer, "attribute_exists(#pk)")
