"""An `IdentifierStore` for tests of what is above it; the real one is DynamoDB's."""

from collections.abc import Sequence

from imgvec.accounts.ports import Identifier
from imgvec.errors import ImgvecError


class IdentifiersInMemory:
    """Identifiers by consumer; it may fail."""

    def __init__(self) -> None:
        """Know none."""
        self.known: dict[str, Identifier] = {}
        self.fault: ImgvecError | None = None

    def find_identifier(self, consumer: str) -> Identifier | None:
        """The consumer's own, pending or accepted."""
        if self.fault is not None:
            raise self.fault
        return self.known.get(consumer)

    def put_identifier(self, identifier: Identifier) -> None:
        """Store one."""
        self.known[identifier.consumer] = identifier

    def list_identifiers(self) -> Sequence[Identifier]:
        """All, by consumer."""
        return [self.known[name] for name in sorted(self.known)]

    def delete_identifier(self, consumer: str) -> None:
        """Forget one."""
        self.known.pop(consumer, None)
