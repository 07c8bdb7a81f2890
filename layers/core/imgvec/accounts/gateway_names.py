"""Names that API Gateway throttles consumers by, and the gateway's keys that carry them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Identifier:
    """A consumer's own name at the gateway. Until it is accepted, the shared name stands in."""

    consumer: str
    gateway_key: str
    """Id of the gateway's key; no secret, and none of imgvec's keys."""
    usage_plan: str
    """Id of the usage plan that it is attached to."""
    accepted: bool = False
    """Whether the gateway has let a request pass under it."""


class IdentifierStore(Protocol):
    """Identifiers by consumer."""

    def find_identifier(self, consumer: str) -> Identifier | None:
        """The consumer's own, pending or accepted."""

    def put_identifier(self, identifier: Identifier) -> None:
        """Store one, in the place of the consumer's."""

    def list_identifiers(self) -> Sequence[Identifier]:
        """All, by consumer."""

    def delete_identifier(self, consumer: str) -> None:
        """Forget one; absent is fine."""


@dataclass(frozen=True, slots=True)
class Tier:
    """A usage plan of the stack."""

    usage_plan: str
    """Its id."""
    rate: float
    """Requests a second, held over time."""
    burst: int


class GatewayKeys(Protocol):
    """A stack's keys at its gateway. Each call may raise `StackError`."""

    def tiers(self) -> Sequence[Tier]:
        """Usage plans for consumers, slowest first."""

    def ensure(self, consumer: str) -> str:
        """Id of the consumer's key, which is made unless it is there."""

    def attach(self, consumer: str, gateway_key: str, usage_plan: str) -> None:
        """Attach a key to this usage plan and to no other of the tiers."""

    def list_keys(self) -> Sequence[str]:
        """Ids of the keys of all consumers."""

    def delete(self, gateway_key: str) -> None:
        """Delete a key, which detaches it."""
