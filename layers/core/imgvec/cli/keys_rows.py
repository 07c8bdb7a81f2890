"""A key as a line of `imgvec keys list`."""

import time

from imgvec.cli.moments import shown
from imgvec.cli.table import Cell
from imgvec.stores.protocols import KeyRecord


def row_of(record: KeyRecord, plan: str | None, embeddings: int) -> dict[str, Cell]:
    """A line of `keys list`."""
    return {
        "id": record.key_id,
        "consumer": record.consumer,
        "plan": plan,
        "state": _state(record, time.time()),
        "created": shown(record.created),
        "expires": shown(record.expires),
        "used": shown(record.used),
        "embeddings": embeddings,
    }


def _state(record: KeyRecord, now: float) -> str:
    if record.revoked is not None:
        return "revoked"
    if record.expires is not None and now >= record.expires:
        return "expired"
    return "active" if record.disabled is None else "disabled"
