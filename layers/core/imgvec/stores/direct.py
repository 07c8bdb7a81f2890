"""Clients that put and get bytes themselves, past this service."""

from collections.abc import Iterator, Mapping
from typing import Protocol


class DirectAccess(Protocol):
    """A blob store with signed addresses of its own."""

    def put_address(self, asset_id: str, seconds: int) -> str:
        """Where a client may PUT the bytes for so long."""

    def get_address(self, asset_id: str, seconds: int, headers: Mapping[str, str]) -> str:
        """Where a client may GET the bytes for so long; `headers` are those of the answer."""

    def arrived(self, asset_id: str) -> Iterator[bytes] | None:
        """What was put there, whole and of one version; None where nothing was."""

    def discard(self, asset_id: str) -> None:
        """Remove what was put there."""
