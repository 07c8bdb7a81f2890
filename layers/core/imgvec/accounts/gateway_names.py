"""Ports: the store of consumers' gateway names, and the gateway's keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Identifier:
    """A consumer's name at the gateway. Until it is accepted, the shared name is used."""

    consumer: str
    gateway_key: str
    """Id of the gateway's key, which is neither a secret nor a key of imgvec."""
    usage_plan: str
    """Id of the usage plan that it is attached to."""
    accepted: bool = False
    """Whether the gateway has accepted a request with it."""


class IdentifierStore(Protocol):
    """Identifiers by consumer."""

    def find_identifier(self, consumer: str) -> Identifier | None:
        """The consumer's identifier, pending or accepted."""

    def put_identifier(self, identifier: Identifier) -> None:
        """Store an identifier, replacing the consumer's former one."""

    def list_identifiers(self) -> Sequence[Identifier]:
        """All identifiers, by consumer."""

    def delete_identifier(self, consumer: str) -> None:
        """Delete an identifier; absent is fine."""


@dataclass(frozen=True, slots=True)
class Tier:
    """A usage plan of the stack."""

    usage_plan: str
    """Its id."""
    rate: float
    """Sustained requests a second."""
    burst: int


class GatewayKeys(Protocol):
    """The gateway keys of a stack. Each call may raise `StackError`."""

    def tiers(self) -> Sequence[Tier]:
        """Usage plans for consumers, slowest first."""

    def ensure(self, consumer: str) -> str:
        """Id of the consumer's key, created if absent."""

    def attach(self, consumer: str, gateway_key: str, usage_plan: str) -> None:
        """Attach a key to this usage plan only."""

    def list_keys(self) -> Sequence[str]:
        """Ids of the keys of all consumers."""

    def delete(self, gateway_key: str) -> None:
        """Delete a key, which also detaches it."""
